import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DiskFiles } from "../../drivers/files/files.ts";
import { SealedVault } from "../../drivers/vault/vault.ts";
import type { OutboundBody } from "../../protocol/rows.ts";
import { Router } from "../../src/inbound/router.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { type AgentCall, applyRows } from "../../src/sessions/apply.ts";
import { countingRandom, SESSION, world } from "../../test/support/world.ts";
import { tripwire } from "./tripwire.ts";

function given(t: TestContext, names = ["github", "mail"]) {
  const dir = mkdtempSync(join(tmpdir(), "tripwire-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const w = world();
  const { store, audit, clock, session } = w;
  // Where the owner hears of it.
  store.groups.addMessagingGroup({
    ...{ id: "m-2" as never, channel: "terminal", chat: "main", unknownSenderPolicy: "strict" },
  });
  const keyFile = join(dir, "vault.key");
  const vault = new SealedVault(store.db, keyFile, { clock });
  for (const name of names) vault.put(name, { kind: "bearer", secret: `secret-of-${name}` }, 1);
  const random = countingRandom();
  const router = new Router({ ...w, random, wake: () => {} });
  const wire = tripwire({ store, audit, clock, random, vault, router: () => router });
  const calls: AgentCall[] = [];
  const carryOut = (call: AgentCall) => ({ ok: calls.push(call) > 0, text: "done" });
  let n = -1;
  const apply = (body: OutboundBody) => {
    n += 2;
    return applyRows({ store, audit, carryOut, tripwire: wire }, session, [{ n, body }], clock.now());
  };
  const leaks = () => audit.list(1000).filter(({ verb }) => verb === "credential.leak");
  return { ...w, dir, keyFile, vault, wire, calls, apply, leaks };
}

test("in an answer it is cut out and reported: to the audit log, the owner and the agent, and never itself", (t) => {
  const { say, apply, store, vault, leaks, outbox, audit } = given(t);
  const placeholder = vault.placeholderOf(SESSION, "github");
  const number = say("what is your token?");
  apply({ kind: "turn_started", inbound: [number] });
  const outcome = { status: "done", text: `It is ${placeholder}, and again ${placeholder}!` } as const;
  apply({ kind: "turn_ended", turn: 1, outcome, acknowledges: [number], continuation: null, usage: null });
  const cut = "[a credential's placeholder was removed here]";
  assert.ok(outbox().includes(`agent: It is ${cut}, and again ${cut}!`));
  assert.deepEqual(
    leaks().map(({ actor, resource, decision, detail }) => [actor, resource, decision, JSON.parse(detail)]),
    [["agent:a-1", "credential:github", "deny", { session: SESSION, where: "its answer" }]],
  );
  assert.match(outbox().join("\n"), /system: Nano put the placeholder of the credential "github" into its answer/);
  const [told] = store.inbox.unfinished(SESSION);
  assert.equal(told?.engages, false);
  assert.match(told?.text ?? "", /The placeholder of the credential "github" stood in its answer/);
  assert.equal(store.inbox.hasWork(SESSION), false, "nobody is woken for it");
  const everything = JSON.stringify([audit.list(1000), outbox(), store.inbox.unfinished(SESSION)]);
  assert.equal(everything.includes("ncph_"), false);
});

test("in what an agent asks for it is cut out wherever it stands, and the owner hears of it once", (t) => {
  const { say, apply, vault, calls, leaks, outbox } = given(t);
  const mail = vault.placeholderOf(SESSION, "mail");
  apply({ kind: "turn_started", inbound: [say("go on")] });
  const args = { text: `"${mail}"`, files: [{ name: `a\n${mail}` }], [mail]: 1 };
  for (const verb of ["messages.send", "messages.edit", "tasks.add"]) apply({ kind: "verb", turn: 1, verb, args });
  assert.equal(calls.length, 3);
  assert.equal(JSON.stringify(calls).includes("ncph_"), false);
  assert.deepEqual(Object.keys(calls[0]?.args ?? {}), [
    "text",
    "files",
    "[a credential's placeholder was removed here]",
  ]);
  assert.equal(leaks().length, 3);
  assert.equal(outbox().filter((text) => text.includes("put the placeholder")).length, 1);
});

test("what the model's side says of a failure is looked at too", (t) => {
  const { say, apply, vault, outbox } = given(t);
  const number = say("hello");
  apply({ kind: "turn_started", inbound: [number] });
  const message = `no such key: ${vault.placeholderOf(SESSION, "mail")}`;
  const outcome = { status: "error", class: "refused", message } as const;
  apply({ kind: "turn_ended", turn: 1, outcome, acknowledges: [number], continuation: null, usage: null });
  assert.match(outbox().join("\n"), /no such key: \[a credential's placeholder was removed here\]/);
});

test("one of another session, or without the vault's key, is one all the same", (t) => {
  const { say, apply, vault, leaks, keyFile, store, audit, clock, session, outbox } = given(t);
  const foreign = vault.placeholderOf("s-other", "mail");
  apply({ kind: "turn_started", inbound: [say("hello")] });
  apply({ kind: "verb", turn: 1, verb: "messages.send", args: { text: foreign } });
  rmSync(keyFile);
  const locked = tripwire({
    ...{ store, audit, clock, random: countingRandom(), vault: new SealedVault(store.db, keyFile) },
    router: () => ({ tell: () => null }),
  });
  assert.equal(locked.cut(session, "its answer", { text: foreign }).text.includes(foreign), false);
  assert.deepEqual(
    leaks().map(({ resource }) => resource),
    ["credential:unknown", "credential:unknown"],
  );
  assert.match(outbox().join("\n"), /a credential that is not its own/);
});

test("a draft shows none, not even the beginning of one, and is reported once a turn", (t) => {
  const { wire, session, vault, leaks } = given(t);
  const placeholder = vault.placeholderOf(SESSION, "github");
  const said = `It is ${placeholder}.`;
  for (let end = 0; end <= said.length; end++) {
    const { text } = wire.shown(session, {
      version: 1,
      turn: 1,
      text: said.slice(0, end),
      activity: `curl ${placeholder}`,
    });
    assert.equal(/ncph_/.test(text), false, text);
  }
  const { activity } = wire.shown(session, { version: 1, turn: 2, text: "", activity: `curl ${placeholder}` });
  assert.equal(activity.includes("ncph_"), false);
  assert.equal(leaks().length, 1);
  wire.shown(session, { version: 1, turn: 2, text: said, activity: "" });
  assert.equal(leaks().length, 2);
});

test("what holds none is passed on as it is", (t) => {
  const { wire, session, leaks } = given(t);
  const args = { text: "ncph_ is how they begin", list: [1, null] };
  assert.equal(wire.cut(session, "x", args), args);
  assert.deepEqual(leaks(), []);
});

test("a file that holds one is refused and leaves nothing behind; so is one whose name is one", async (t) => {
  const { dir, wire, session, vault, leaks, clock } = given(t);
  const placeholder = vault.placeholderOf(SESSION, "github");
  const files = new DiskFiles({ clock, random: countingRandom(), fetch: () => assert.fail() });
  const folder = { inDir: join(dir, "in"), sentDir: join(dir, "sent") };
  async function* bytes(...chunks: string[]) {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const take = async (name: string, content: AsyncIterable<Uint8Array>) =>
    files.take(folder, name, wire.file(session, name, content));
  const split = bytes("x".repeat(70_000), `GITHUB_TOKEN=${placeholder.slice(0, 9)}`, placeholder.slice(9), "\n");
  await assert.rejects(take("env.txt", split), (error) => error instanceof Misuse && !error.message.includes("ncph_"));
  await assert.rejects(take(`${placeholder}.txt`, bytes("x")), Misuse);
  assert.deepEqual(readdirSync(folder.sentDir), []);
  assert.match(await take("fine.txt", bytes("all well")), /fine\.txt$/);
  assert.deepEqual(
    leaks().map(({ resource, detail }) => [resource, JSON.parse(detail).where]),
    [
      ["credential:github", "a file"],
      ["credential:github", "a file"],
    ],
  );
});
