import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeHost } from "./testing/fake-host.ts";
import { ROOT, runProgram } from "./testing/run.ts";

async function clawHost(): Promise<FakeHost> {
  const host = new FakeHost();
  await host.start();
  host.verbs["claw.open"] = () => ({ session: "s-1", chat: "claw-1", group: "main" });
  return host;
}

test("claw prints the answer on stdout and the session on stderr", async () => {
  await using host = await clawHost();
  const words = ["-g", "main", "--runtime", "runsc", "--pipe", "sum", "up:"];
  const { code, stdout, stderr } = await runProgram("bin/claw", words, host.run, "1\n2\n");
  assert.deepEqual([code, stdout, stderr], [0, "You said: sum up:\n\n1\n2\n", "session: s-1\n"]);
  assert.deepEqual(host.calls[0]?.args, { group: "main", runtime: "runsc" });
  assert.equal(host.calls[1]?.args.chat, "claw-1");
});

test("claw -v tells what it does, but neither words nor keys", async () => {
  await using host = await clawHost();
  const { stderr } = await runProgram("bin/claw", ["-v", "-s", "s-1", "my secret plan"], host.run);
  assert.match(stderr, /^> claw\.open \{"session":"s-1"\}\n< claw\.open ok/);
  assert.match(stderr, /> chat\.send .*\(14 characters\).*\n< chat\.send ok/);
  assert.match(stderr, /exit 0\n$/);
  assert.doesNotMatch(stderr, /secret plan/);
});

test("claw's exit code tells a failed turn, a timeout, wrong use and a host that is down apart", async () => {
  await using host = await clawHost();
  host.agent = (n, _text, chat) => host.reply("the key is wrong", [n], chat, "system");
  const failed = await runProgram("bin/claw", ["hi"], host.run);
  assert.deepEqual([failed.code, failed.stdout, failed.stderr], [1, "", "session: s-1\n! the key is wrong\n"]);
  host.agent = () => {};
  const late = await runProgram("bin/claw", ["--timeout", "0.3", "hi"], host.run);
  assert.equal(late.code, 124);
  assert.match(late.stderr, /no answer within 0\.3 s.*claw -s s-1/);
  host.agent = () => void host.stop();
  assert.equal((await runProgram("bin/claw", ["--timeout", "0.5", "hi"], host.run)).code, 124);
  await host.start();
  assert.equal((await runProgram("bin/claw", [], host.run)).code, 2);
  assert.equal((await runProgram("bin/claw", ["--timeout", "soon", "hi"], host.run)).code, 2);
  await host.stop();
  const down = await runProgram("bin/claw", ["hi"], host.run);
  assert.equal(down.code, 3);
  assert.match(down.stderr, /not running\n {2}Start it with: \.\/bin\/ncl up\n$/);
});

test("ncl status says that the host is down and what to do, with exit code 3", async () => {
  await using host = new FakeHost();
  const { code, stdout, stderr } = await runProgram("bin/ncl", ["status"], host.run);
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(stderr, /the host is not running\n {2}Start it with: \.\/bin\/ncl up/);
});

test("ncl chat sends what it is piped as one message and prints the reply", async () => {
  await using host = new FakeHost();
  await host.start();
  const { code, stdout } = await runProgram("bin/ncl", ["chat"], host.run, "one\ntwo\n");
  assert.deepEqual([code, stdout], [0, "You said: one\ntwo\n"]);
  assert.equal((await runProgram("bin/ncl", ["chat"], host.run, " \n")).code, 2);
});

test("the starters work over links and without anything on PATH", async () => {
  await using host = await clawHost();
  const folder = mkdtempSync(join(tmpdir(), "ncl-links-"));
  const path = process.env.PATH;
  try {
    symlinkSync(join(ROOT, "bin/claw"), join(folder, "one"));
    symlinkSync("one", join(folder, "ask"));
    // The one thing that a machine without a Node of the project's own needs.
    process.env.PATH = join(process.execPath, "..");
    const { code, stdout, stderr } = await runProgram(join(folder, "ask"), ["hi"], host.run);
    assert.deepEqual([code, stdout, stderr], [0, "You said: hi\n", "session: s-1\n"]);
  } finally {
    process.env.PATH = path;
    rmSync(folder, { recursive: true });
  }
});
