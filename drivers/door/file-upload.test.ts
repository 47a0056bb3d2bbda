import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { FILES_PREFIX, MAX_FILE_BYTES } from "../../protocol/session-socket.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import { countingRandom, world } from "../../test/support/world.ts";
import { DiskFiles } from "../files/files.ts";
import { ask, openDoor, until } from "./testing/door.ts";

type OnFile = (name: string, bytes: AsyncIterable<Uint8Array>) => Promise<string>;

const door = (t: TestContext, onFile: OnFile) => openDoor(t, { address: "http://127.0.0.1:9", hooks: { onFile } });
const put = (socket: string, name: string, body: string | Buffer = "bytes", more: object = {}) =>
  ask(socket, { path: FILES_PREFIX + name, method: "PUT", body, ...more });

/** A door in front of the real files of a session. */
async function given(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "sent-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { session, clock } = world();
  const folder = sessionFolder(dir, session);
  const files = new DiskFiles({ clock, random: countingRandom(), fetch: () => assert.fail() });
  const opened = await door(t, (name, bytes) => files.take(folder, name, bytes));
  return { ...opened, folder, files };
}

/** Sends a file in pieces of a megabyte, without saying before how long it is. */
async function stream(socketPath: string, size: number, breakOff = false) {
  const request = http.request({ socketPath, path: `${FILES_PREFIX}large`, method: "PUT", agent: false });
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  answered.catch(() => {});
  request.on("error", () => {});
  const closed = once(request, "close").catch(() => {});
  for (let sent = 0; sent < size && !request.destroyed; sent += 1_000_000) {
    // It looks at no answer before it has sent everything.
    const taken = new Promise((resolve) => request.write(Buffer.alloc(1_000_000), resolve));
    await Promise.race([taken, closed]);
  }
  if (breakOff) return void request.destroy();
  request.end();
  const [response] = await answered;
  return { status: response.statusCode, body: await text(response) };
}

test("the bytes of a file come in as they are, under its name, and the answer names it", async (t) => {
  const { socket, folder, files, records, door } = await given(t);
  const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const { status, body: said } = await put(socket, encodeURIComponent("Übersicht 1.pdf"), body);
  assert.equal(status, 200);
  const { file } = JSON.parse(said) as { file: string };
  const { path, name } = files.sent(folder, file);
  assert.equal(name, "Übersicht 1.pdf");
  assert.deepEqual(readFileSync(path), body);
  await door.close();
  assert.deepEqual(
    records.map(({ method, status, decision }) => [method, status, decision]),
    [["PUT", 200, "allow"]],
  );
});

test("a name that is none is refused before a byte is taken, and any other stays in its folder", async (t) => {
  const { socket, folder } = await given(t);
  for (const name of ["", "%", "%ff", "x".repeat(201)]) assert.equal((await put(socket, name)).status, 400, name);
  for (const name of ["../../../etc/passwd", "..%2f..%2fx", "%00", ".."]) {
    const { status, body } = await put(socket, name);
    assert.equal(status, 200, name);
    assert.ok(readdirSync(folder.sentDir).includes(JSON.parse(body).file));
  }
  assert.deepEqual(readdirSync(folder.root), ["sent"]);
});

test("a file that says it is too large is refused at once, in words", async (t) => {
  const { socket } = await door(t, () => assert.fail("it was taken"));
  const request = http.request({
    ...{ socketPath: socket, path: `${FILES_PREFIX}large`, method: "PUT", agent: false },
    headers: { "content-length": MAX_FILE_BYTES + 1 },
  });
  request.on("error", () => {});
  request.write("some bytes");
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(response.statusCode, 413);
  assert.match(await text(response), /larger than 50 MB/);
  request.destroy();
});

test("one that turns out too large is cut off, with an answer, and nothing of it stays", async (t) => {
  const { socket, folder } = await given(t);
  const answer = await stream(socket, MAX_FILE_BYTES + 5_000_000);
  assert.equal(answer?.status, 400);
  assert.match(answer?.body ?? "", /larger than 50 MB/);
  assert.deepEqual(readdirSync(folder.sentDir), []);
  assert.equal((await put(socket, "next")).status, 200);
});

test("one that breaks off leaves nothing, and the door goes on", async (t) => {
  const { socket, folder, records, door } = await given(t);
  await stream(socket, 5_000_000, true);
  assert.equal((await put(socket, "next")).status, 200);
  await until(() => readdirSync(folder.sentDir).length === 1);
  await door.close();
  assert.deepEqual(records.map(({ status }) => status).sort(), [200, 500]);
});

test("what went wrong inside is not told, what the agent can mend is", async (t) => {
  let error: Error = new Error("ENOSPC /home/ann/secret");
  const { socket } = await door(t, async () => {
    throw error;
  });
  const inside = await put(socket, "a");
  assert.equal(inside.status, 500);
  assert.equal(inside.body.includes("secret"), false);
  error = new Misuse("it is larger than it may be");
  const told = await put(socket, "a");
  assert.deepEqual([told.status, JSON.parse(told.body)], [400, { error: "it is larger than it may be" }]);
});

test("only a PUT beneath the folder of files is one", async (t) => {
  const { socket } = await door(t, async (name, bytes) => `${name}:${(await buffer(bytes as never)).length}`);
  for (const method of ["POST", "PATCH"])
    assert.notEqual((await put(socket, "a", "x", { method })).status, 200, method);
  assert.equal(JSON.parse((await put(socket, "a", "xyz")).body).file, "a:3");
});
