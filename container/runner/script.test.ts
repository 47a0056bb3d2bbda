import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runScript } from "./script.ts";

const run = (script: string, limit?: number, signal = new AbortController().signal) =>
  runScript(script, tmpdir(), signal, limit);

test("what it prints is told, and its last line may let the agent sleep or wake it", async () => {
  assert.deepEqual(await run("echo two mails; pwd >/dev/null"), { wake: true, output: "two mails" });
  assert.deepEqual(await run(`echo nothing; echo '{"wake": false}'`), { wake: false, output: "nothing" });
  assert.deepEqual(await run(`echo a; echo b; echo '{"wake": true}'`), { wake: true, output: "a\nb" });
  assert.deepEqual(await run(`echo '{"wake": "no"}'`), { wake: true, output: '{"wake": "no"}' });
});

test("one that fails wakes the agent and says how it failed", async () => {
  const { wake, output } = await run("echo half; echo oh >&2; exit 3");
  assert.equal(wake, true);
  assert.match(output, /half/);
  assert.match(output, /oh/);
  assert.match(output, /code 3/);
});

test("one that does not end is ended with everything that it started, also one that keeps its output open", async () => {
  const { wake, output } = await run("sleep 600 & sleep 600", 200);
  assert.equal(wake, true);
  assert.match(output, /did not end within 0.2 seconds/);
});

test("a stop ends it, and the agent is not asked", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  assert.deepEqual(await run("echo x; sleep 600", 60_000, stop.signal), { wake: false, output: "" });
});

test("endless output costs no memory", async () => {
  const { output } = await run("yes | head -c 20000000");
  assert.ok(output.length <= 20_000);
});
