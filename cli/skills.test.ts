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
  assert.match((await runProgram("bin/ncl", ["skills", "list"], host.run)).stdout, /^name .*\n.*telegram +channel/);
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
  for (const verb of ["show", "add", "remove"]) {
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
