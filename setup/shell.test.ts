import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { standInHost } from "./testing/stand-in-host.ts";

test("all that a command says is in the log, and its end in the error", async (t) => {
  const { shell } = (await standInHost(t, {})).context;
  await assert.rejects(shell.must(["sh", "-c", "echo out; echo broken >&2; exit 3"], "Mend it."), /broken/);
  const log = readFileSync(shell.logFile, "utf8");
  assert.match(log, /\$ sh -c/);
  assert.match(log, /out/);
  assert.match(log, /exit 3/);
});

test("a command that is not there, or does not end, is an answer too", async (t) => {
  const { shell } = (await standInHost(t, {})).context;
  assert.equal((await shell.run(["no-such-command-here"])).code, 127);
  assert.equal((await shell.run(["sleep", "30"], { deadline: 50 })).code, 124);
});
