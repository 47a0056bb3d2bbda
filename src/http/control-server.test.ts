import assert from "node:assert/strict";
import { mkdtempSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ControlClient } from "../../cli/client.ts";
import { world } from "../../test/support/world.ts";
import { type Effects, Executor } from "../control/execute.ts";
import { Misuse } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { controlApp, listen } from "./control-server.ts";

/** A control server on a real socket, with a few verbs that do what the test says. */
async function given(t: { after(run: () => void): void }, effects: Partial<Effects>) {
  const { store, audit } = world();
  const socket = join(mkdtempSync(join(tmpdir(), "control-")), "run", "control.sock");
  const server = await listen(controlApp(new Executor(effects as Effects, store, audit), silentLog), socket, silentLog);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { socket, client: new ControlClient(socket) };
}

/** Sends bytes and returns the first line of the answer. */
function raw(socket: string, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const connection = createConnection(socket, () => connection.write(bytes));
    connection.on("data", (chunk) => {
      answer += chunk;
      connection.destroy();
    });
    connection.on("error", () => {}).on("close", () => resolve(answer.split("\r\n")[0] ?? ""));
    setTimeout(() => connection.destroy(), 2_000).unref();
  });
}

test("only the owner can open the socket", async (t) => {
  const { socket } = await given(t, {});
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(join(socket, "..")).mode & 0o777, 0o700);
});

test("a verb answers its result, a failure its code, message and hint", async (t) => {
  const { client } = await given(t, {
    "chat.list": () => [],
    "chat.stop": () => {
      throw new Misuse("no such chat", "look at the list");
    },
    "audit.verify": () => {
      throw new Error("a detail of the inside");
    },
  });
  assert.deepEqual(await client.call("chat.list", {}), []);
  await assert.rejects(client.call("chat.stop", {}), {
    code: "refused",
    message: "no such chat",
    hint: "look at the list",
  });
  await assert.rejects(client.call("audit.verify", {}), (error) => !/inside detail|a detail of/.test(String(error)));
});

test("a stream ends for the effect when the caller hangs up", async (t) => {
  let ended = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const { client } = await given(t, {
    "chat.follow": async function* (_args, { signal }) {
      try {
        yield { type: "idle" };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      } finally {
        ended();
      }
    },
  });
  for await (const event of client.stream("chat.follow", {})) {
    assert.deepEqual(event, { type: "idle" });
    break;
  }
  await end;
});

test("junk, unknown paths, bodies that are too large or no JSON are refused, and the next request is answered", async (t) => {
  const { socket, client } = await given(t, { "chat.list": () => [] });
  const post = (headers: string, body: string) =>
    `POST /v1/verbs/chat.list HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`;
  assert.match(await raw(socket, Buffer.from([0, 255, 1, 2, 10, 13, 10])), /400/);
  assert.match(await raw(socket, "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"), /404/);
  assert.match(await raw(socket, post("content-length: 7", "not js")), /^$|400/);
  assert.match(await raw(socket, post("content-length: 6", "not js")), /400/);
  assert.match(await raw(socket, post("content-length: 99999999", "")), /413/);
  assert.match(await raw(socket, post(`x: ${"y".repeat(20_000)}`, "")), /431|400/);
  assert.deepEqual(await client.call("chat.list", {}), []);
});

test("a second server on the same socket is refused; a socket that a dead one left is taken over", async (t) => {
  const { socket } = await given(t, {});
  const { store, audit } = world();
  const app = controlApp(new Executor({} as Effects, store, audit), silentLog);
  await assert.rejects(listen(app, socket, silentLog), /another program listens/);
});
