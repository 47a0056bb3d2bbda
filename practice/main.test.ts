import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";

const main = join(import.meta.dirname, "main.ts");

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "practice-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of child.stdout ?? []) if (String(line).startsWith("listening on")) return String(line);
  throw new Error("it ended before it listened");
}

test("it listens on a private socket, in place of one left over, and ends on SIGTERM", async (t) => {
  const socket = join(temporaryDir(t), "model.sock");
  const first = spawn(process.execPath, [main, "--socket", socket]);
  await listening(first);
  first.kill("SIGKILL");
  await once(first, "exit");
  const child = spawn(process.execPath, [main, "--socket", socket]);
  t.after(() => child.kill("SIGKILL"));
  await listening(child);
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  const asked = request({ socketPath: socket, path: "/v1/messages", method: "POST" });
  asked.end(JSON.stringify({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "hello" }] }));
  const [response] = await once(asked, "response");
  assert.match(await text(response), /\[practice model\] Hello!/);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("it takes the place of nothing that is in use or not a socket", async (t) => {
  const dir = temporaryDir(t);
  const busy = join(dir, "busy.sock");
  const other = createServer().listen(busy);
  t.after(() => other.close());
  await once(other, "listening");
  const file = join(dir, "file");
  writeFileSync(file, "precious");
  for (const [path, why] of [
    [busy, /another server/],
    [file, /not a socket/],
  ] as const) {
    const child = spawn(process.execPath, [main, "--socket", path]);
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.equal(code, 2);
    assert.match(stderr, why);
  }
  assert.equal(readFileSync(file, "utf8"), "precious");
});

test("it ends with whoever started it, where it is told to", async (t) => {
  const socket = join(temporaryDir(t), "model.sock");
  const child = spawn(process.execPath, [main, "--socket", socket, "--end-with-stdin"]);
  t.after(() => child.kill("SIGKILL"));
  await listening(child);
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("it asks for one way to listen", async () => {
  const child = spawn(process.execPath, [main]);
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(code, 2);
  assert.match(stderr, /either --socket PATH or --port N/);
});
