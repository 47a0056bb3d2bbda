import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "../../test/support/world.ts";
import type { Actor } from "../access/authorize.ts";
import { Misuse, Retryable } from "../lib/errors.ts";
import { BadArguments, type Effects, Executor, failureOf, Refused, UnknownVerb } from "./execute.ts";
import { type VerbName, verbs } from "./verbs.ts";

const never = new AbortController().signal;

/** An executor in which every verb but these throws. */
function given(effects: Partial<Effects>) {
  const { store, audit } = world();
  const all = Object.fromEntries(
    (Object.keys(verbs) as VerbName[]).map((name) => [
      name,
      effects[name] ?? (() => assert.fail(`${name} was carried out`)),
    ]),
  ) as unknown as Effects;
  const executor = new Executor(all, store.db, audit);
  return {
    store,
    audit,
    run: (actor: Actor, name: string, args: unknown) => executor.execute(actor, name, args, never),
  };
}

test("a change and its audit record are one: both kept, or both lost", async () => {
  const { run, audit, store } = given({
    "outbox.retry": ({ id }, { record }) =>
      record(`outbox:${id}`, () => {
        store.settings.set("touched", id);
        if (id === 2) throw new Misuse("no such message");
        return { done: true };
      }),
  });
  await run({ kind: "operator" }, "outbox.retry", { id: 1 });
  assert.deepEqual(
    audit.list(10).map(({ actor, verb, resource, decision }) => ({ actor, verb, resource, decision })),
    [{ actor: "operator", verb: "outbox.retry", resource: "outbox:1", decision: "allow" }],
  );
  await assert.rejects(run({ kind: "operator" }, "outbox.retry", { id: 2 }), Misuse);
  assert.equal(audit.list(10).length, 1);
  assert.equal(store.db.get<{ value: string }>("SELECT value FROM settings WHERE key='touched'")?.value, "1");
});

test("every verb is refused to an agent that may not do it, and the refusal is recorded; nothing is carried out", async () => {
  const agent: Actor = { kind: "agent", id: "a-1" };
  const example: Partial<Record<VerbName, unknown>> = {
    "chat.send": { text: "x", key: "12345678" },
    "groups.init": { folder: "x", name: "X", timeZone: "UTC" },
    "groups.set": { folder: "x" },
    "credentials.set": { name: "x", secret: "word" },
    "credentials.remove": { name: "x" },
    "model.use": { model: "practice" },
    "outbox.retry": { id: 1 },
  };
  for (const name of Object.keys(verbs) as VerbName[]) {
    if (verbs[name].authority !== "owner" || !verbs[name].args.safeParse(example[name] ?? {}).success) continue;
    const { run, audit } = given({});
    await assert.rejects(run(agent, name, example[name] ?? {}), Refused, name);
    const [record] = audit.list(10);
    assert.deepEqual([record?.actor, record?.verb, record?.decision], ["agent:a-1", name, "deny"]);
  }
});

test("a user who is no owner is refused; an owner is not", async () => {
  const { run } = given({ "audit.verify": () => ({ ok: true, records: 0, head: "", problem: null }) });
  await assert.rejects(run({ kind: "user", id: "test:bo", owner: false }, "audit.verify", {}), Refused);
  await run({ kind: "user", id: "test:ann", owner: true }, "audit.verify", {});
});

test("unknown verbs and wrong arguments are told apart, and name what is wrong", async () => {
  const { run } = given({});
  await assert.rejects(run({ kind: "operator" }, "groups.explode", {}), UnknownVerb);
  await assert.rejects(run({ kind: "operator" }, "constructor", {}), UnknownVerb);
  await assert.rejects(run({ kind: "operator" }, "chat.send", { text: "", key: "12345678" }), (error) => {
    assert.ok(error instanceof BadArguments);
    return /text/.test(error.message);
  });
  await assert.rejects(run({ kind: "operator" }, "chat.send", { text: "x", key: "12345678", more: 1 }), BadArguments);
  await assert.rejects(run({ kind: "operator" }, "outbox.retry", null), BadArguments);
});

test("what went wrong inside is never shown, only that it did", () => {
  assert.deepEqual(failureOf(new Error("select secret from vault")).message, "something went wrong inside");
  assert.equal(failureOf(new Retryable("the disk is full")).code, "unavailable");
  assert.equal(failureOf(new Misuse("no such group", "look here")).hint, "look here");
});
