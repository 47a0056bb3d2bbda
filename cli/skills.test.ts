import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "./testing/fake-host.ts";
import { runProgram } from "./testing/run.ts";

test("the skills are listed with how their channels are, also without a host", async () => {
  await using host = new FakeHost();
  const without = await runProgram("bin/ncl", ["skills", "list", "--json"], host.run);
  const named = (json: string) => JSON.parse(json).find(({ name }: { name: string }) => name === "telegram");
  assert.deepEqual([without.code, named(without.stdout).kind, named(without.stdout).state], [0, "channel", ""]);
  await host.start();
  host.verbs["channels.list"] = () => [{ id: "telegram", state: "up", detail: "" }];
  assert.equal(named((await runProgram("bin/ncl", ["skills", "list", "--json"], host.run)).stdout).state, "up");
  assert.match(
    (await runProgram("bin/ncl", ["skills", "list"], host.run)).stdout,
    /^name .*\n(?:.*\n)*telegram +channel/,
  );
});

test("a skill is shown with what it says", async () => {
  await using host = new FakeHost();
  const { code, stdout } = await runProgram("bin/ncl", ["skills", "show", "telegram"], host.run);
  assert.equal(code, 0);
  assert.match(stdout, /^name +telegram\nfolder +skills\/add-telegram\n/);
  assert.doesNotMatch(stdout, /^---$/m);
});

test("a name of no skill, and credentials that are none, fail before anything is done", async () => {
  await using host = new FakeHost();
  for (const verb of ["show", "info", "add", "verify", "remove"]) {
    const { code, stderr } = await runProgram("bin/ncl", ["skills", verb, "../../etc"], host.run);
    assert.deepEqual([code, stderr], [1, "ncl: there is no skill of this name\n  See: ./bin/ncl skills list\n"]);
  }
  const words = ["skills", "add", "telegram", "--credentials-file", "-"];
  const { code, stderr } = await runProgram("bin/ncl", words, host.run, "my-secret");
  assert.equal(code, 1);
  assert.match(stderr, /not a JSON object/);
  assert.doesNotMatch(stderr, /my-secret/);
});

test("without a host adding says how to start one", async () => {
  await using host = new FakeHost();
  const { code, stderr } = await runProgram("bin/ncl", ["skills", "add", "telegram"], host.run);
  assert.deepEqual([code, stderr], [3, "ncl: the host is not running\n  Start it with: ./bin/ncl up\n"]);
});

test("what is known of a skill is told, also without a host", async () => {
  await using host = new FakeHost();
  const { code, stdout } = await runProgram("bin/ncl", ["skills", "info", "telegram", "--json"], host.run);
  const { kind, state, packages } = JSON.parse(stdout);
  assert.deepEqual([code, kind, state], [0, "channel", "unknown"]);
  assert.ok(packages.some(({ name }: { name: string }) => name === "grammy"));
  const shown = (await runProgram("bin/ncl", ["skills", "info", "telegram"], host.run)).stdout;
  assert.match(shown, /^name +telegram\n.*size +[\d.]+ MB\n.*grammy/s);
});

test("whether a skill works is the exit code", async () => {
  await using host = new FakeHost();
  const verify = (...words: string[]) => runProgram("bin/ncl", ["skills", "verify", ...words], host.run);
  assert.equal((await verify("telegram")).code, 3);
  const guide = await verify("manage-mounts", "--json");
  assert.deepEqual([guide.code, JSON.parse(guide.stdout).works], [0, true]);
  await host.start();
  host.verbs["channels.describe"] = () => ({ channel: "telegram", title: "Telegram", fields: [] });
  host.verbs["channels.list"] = () => [{ id: "telegram", state: "down", detail: "no token" }];
  const { code, stdout, stderr } = await verify("telegram");
  assert.deepEqual([code, stderr], [1, ""]);
  assert.match(stdout, /✗ channel: down: no token\n {4}.*skills add telegram\ntelegram does not work\.\n$/);
  host.verbs["channels.list"] = () => [{ id: "telegram", state: "up", detail: "" }];
  const { checks } = JSON.parse((await verify("telegram", "--json")).stdout);
  // Whether its packages are those of the lockfile depends on what was done in this folder.
  const channel = checks.find(({ check }: { check: string }) => check === "channel");
  assert.deepEqual(channel, { check: "channel", passed: true, found: "up", next: "" });
});

test("a new skill of a wrong kind or name is refused", async () => {
  await using host = new FakeHost();
  const begin = (...words: string[]) => runProgram("bin/ncl", ["skills", "new", ...words], host.run);
  assert.equal((await begin("thing", "my-chat")).code, 2);
  const taken = await begin("channel", "telegram");
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^ncl: skills\/add-telegram is there already\n {2}Choose another name/);
  assert.match((await begin("channel", "Wrong")).stderr, /can't be the name.*\n {2}It begins with a small letter/);
});
