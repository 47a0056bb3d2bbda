import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type Verb, verbs } from "../api/verbs.ts";
import { FakeHost, VerbFailure } from "./testing/fake-host.ts";
import { type Ended, runProgram } from "./testing/run.ts";

async function withHost(
  words: string[],
  answers: FakeHost["verbs"],
  stdin = "",
): Promise<Ended & { calls: FakeHost["calls"] }> {
  await using host = new FakeHost();
  await host.start();
  Object.assign(host.verbs, answers);
  return { ...(await runProgram("bin/ncl", words, host.run, stdin)), calls: host.calls };
}

test("every verb and argument is explained, and no secret is an argument without a flag", () => {
  for (const [name, verb] of Object.entries(verbs) as [string, Verb][]) {
    assert.match(verb.summary, /^[A-Z].*[^.]$/, name);
    const { properties = {} } = z.toJSONSchema(verb.args, { io: "input" });
    for (const [field, schema] of Object.entries(properties)) {
      assert.ok(typeof schema === "object" && schema.description, `${name} ${field}`);
      assert.ok(!(schema.secret && verb.positional.includes(field as never)), `${name} ${field}`);
    }
  }
});

test("words and flags become the verb's arguments; the result becomes a table", async () => {
  const group = { folder: "main", name: "Nano", provider: "claude", model: null, runtime: null, timeZone: "UTC" };
  const { code, stdout, calls } = await withHost(["groups", "init", "main", "--name", "Nano", "--time-zone", "UTC"], {
    "groups.init": () => group,
  });
  assert.equal(code, 0);
  assert.deepEqual(calls, [
    { verb: "groups.init", args: { folder: "main", name: "Nano", provider: "claude", timeZone: "UTC" } },
  ]);
  assert.match(stdout, /^folder {5}main\n/);
});

test("a list takes all the words that are left, and each of them is looked at", async () => {
  const answer = { applied: false, added: [], removed: [], packages: [], next: "" };
  const answers = { "packages.add": () => answer };
  const listed = await withHost(
    ["packages", "add", "main", "apt:file=1:5.44-3", "npm:@a/b@1.0.0", "--dry-run"],
    answers,
  );
  const packages = ["apt:file=1:5.44-3", "npm:@a/b@1.0.0"];
  assert.deepEqual(listed.calls, [{ verb: "packages.add", args: { folder: "main", packages, dryRun: true } }]);
  for (const wrong of ["file", "apt:-o", "apt:../x", "npm:file:/etc", "npm:a@git+ssh://b", "npm:a b"]) {
    const { code, stderr, calls } = await withHost(["packages", "add", "main", wrong], answers);
    assert.deepEqual([code, calls], [2, []], wrong);
    assert.match(stderr, /apt:NAME=VERSION/);
  }
});

test("verbs for agents alone are no commands", async () => {
  const help = await withHost(["--help"], {});
  assert.match(help.stdout, /^ {2}channels /m);
  assert.doesNotMatch(help.stdout, /^ {2}messages /m);
  const asked = await withHost(["messages", "send"], {});
  assert.deepEqual([asked.code, asked.calls], [2, []]);
});

test("a code to pair a chat with is shown with when it ends; a secret that may be left out is not asked for", async () => {
  const expiresAt = new Date(2030, 0, 2, 3, 4, 5).getTime();
  const paired = await withHost(["channels", "pair", "telegram"], {
    "channels.pair": () => ({ code: "ABCD1234", group: "main", expiresAt }),
  });
  assert.equal(paired.stdout, "code        ABCD1234\ngroup       main\nexpires at  2030-01-02 03:04:05\n");
  const added = await withHost(["channels", "add", "telegram"], {
    "channels.add": () => ({ id: "telegram", state: "up", detail: "" }),
  });
  assert.deepEqual([added.code, added.calls[0]?.args], [0, { channel: "telegram", credentials: "{}" }]);
});

test("--json prints the result as it came", async () => {
  const { stdout } = await withHost(["chat", "list", "--json"], { "chat.list": () => [{ chat: "main" }] });
  assert.equal(stdout, '[{"chat":"main"}]\n');
});

test("wrong use exits 2 before the host is asked, with a next step", async () => {
  const wrong = await withHost(["outbox", "retry", "abc"], {});
  assert.deepEqual([wrong.code, wrong.calls], [2, []]);
  assert.match(wrong.stderr, /^ncl: id: .*\n {2}Help: ncl outbox retry --help\n$/);
  assert.equal((await withHost(["groups", "init", "x"], {})).code, 2);
  assert.equal((await withHost(["nonsense"], {})).code, 2);
});

test("what the host refuses exits 1 with its reason and hint", async () => {
  const { code, stderr } = await withHost(["credentials", "remove", "x"], {
    "credentials.remove": () => {
      throw new VerbFailure("not_found", "there is no x\x1b[2J");
    },
  });
  assert.deepEqual([code, stderr], [1, "ncl: there is no x\n  try otherwise\n"]);
});

test("a secret is read from standard input, and one that its service refuses fails", async () => {
  const { code, calls, stdout } = await withHost(
    ["credentials", "set", "anthropic"],
    { "credentials.set": () => ({ name: "anthropic", check: "bad", detail: "refused" }) },
    "a-secret\n",
  );
  assert.deepEqual(calls[0]?.args, { name: "anthropic", kind: "api_key", secret: "a-secret" });
  assert.equal(code, 1);
  assert.doesNotMatch(stdout, /a-secret/);
});

test("a check that found something wrong exits 1", async () => {
  const verdict = { ok: false, records: 3, head: "", problem: "record 2 was changed" };
  assert.equal((await withHost(["audit", "verify"], { "audit.verify": () => verdict })).code, 1);
});
