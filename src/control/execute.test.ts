import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type VerbName, verbs } from "../../api/verbs.ts";
import { OWNS, world } from "../../test/support/world.ts";
import type { Actor } from "../access/authorize.ts";
import { Misuse, Retryable } from "../lib/errors.ts";
import { BadArguments, type Effects, Executor, failureOf, Refused, UnknownVerb } from "./execute.ts";

const never = new AbortController().signal;

const AGENT_ACTOR = { kind: "agent", id: "a-1", session: world().session, turn: 1, number: 3, cause: null } as const;

/** An executor in which every verb but these throws. */
function given(effects: Partial<Effects>) {
  const { store, audit } = world();
  const all = Object.fromEntries(
    (Object.keys(verbs) as VerbName[]).map((name) => [
      name,
      effects[name] ?? (() => assert.fail(`${name} was carried out`)),
    ]),
  ) as unknown as Effects;
  const executor = new Executor(all, store, audit);
  return {
    store,
    audit,
    carryOut: (name: string, args: unknown) => {
      const outcome = executor.carryOut(AGENT_ACTOR, name, args);
      return outcome.ok ? { ok: true, text: JSON.stringify(outcome.result) } : { ok: false, text: outcome.why };
    },
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
  const agent: Actor = { kind: "agent", id: "a-1", session: world().session, turn: 1, number: 3, cause: null };
  const example: Partial<Record<VerbName, unknown>> = {
    "chat.send": { text: "x", key: "12345678" },
    "groups.init": { folder: "x", name: "X", timeZone: "UTC" },
    "groups.set": { folder: "x" },
    "credentials.set": { name: "x", secret: "word" },
    "credentials.remove": { name: "x" },
    "model.use": { model: "practice" },
    "outbox.retry": { id: 1 },
    "channels.describe": { channel: "x" },
    "channels.add": { channel: "x" },
    "channels.remove": { channel: "x" },
    "channels.pair": { channel: "x" },
    "tasks.show": { task: "x" },
    "tasks.run": { task: "x" },
  };
  for (const name of Object.keys(verbs) as VerbName[]) {
    if (verbs[name].agents || !verbs[name].args.safeParse(example[name] ?? {}).success) continue;
    const { run, audit } = given({});
    await assert.rejects(run(agent, name, example[name] ?? {}), Refused, name);
    const [record] = audit.list(10);
    assert.deepEqual([record?.actor, record?.verb, record?.decision], ["agent:a-1", name, "deny"]);
  }
});

test("a user who is no owner is refused; an owner is not", async () => {
  const { run } = given({
    "audit.verify": () => ({ ok: true, records: 0, signedUpTo: 0, head: "", problem: null, note: null }),
  });
  await assert.rejects(run({ kind: "user", id: "test:bo", grants: [] }, "audit.verify", {}), Refused);
  await run({ kind: "user", id: "test:ann", grants: [OWNS] }, "audit.verify", {});
});

test("a verb that has to find out whose thing it changes can't forget to ask: what it did is undone", async () => {
  const { run, store, audit } = given({
    "tasks.remove": ({ task }, { record }) =>
      record(`task:${task}`, () => {
        store.settings.set("touched", task);
        return { done: true as const };
      }),
  });
  await assert.rejects(run({ kind: "operator" }, "tasks.remove", { task: "t-1" }), /did not ask the gate/);
  assert.equal(removing(store)(), null);
  assert.deepEqual(audit.list(10), []);
});

test("an admin of one agent may change that one, but not what is the owner's to say, nor another", async () => {
  const { run, store } = given({ "groups.set": ({ folder }) => ({ folder }) as never });
  store.groups.addAgentGroup({
    ...(store.groups.agentGroups()[0] ?? assert.fail()),
    id: "a-2" as never,
    folder: "two",
  });
  const ann: Actor = { kind: "user", id: "test:ann", grants: [{ role: "admin", agentGroup: "a-1" }] };
  await run(ann, "groups.set", { folder: "main", model: "fast" });
  await assert.rejects(run(ann, "groups.set", { folder: "main", runtime: "runc" }), Refused);
  await assert.rejects(run(ann, "groups.set", { folder: "two", model: "fast" }), Refused);
  await assert.rejects(run(ann, "groups.set", { folder: "none", model: "fast" }), Refused);
  await assert.rejects(run(ann, "status", {}), Refused);
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

const removing = (store: ReturnType<typeof world>["store"]) => () => store.settings.get("touched", z.string());

test("what an agent asks for is answered with what came of it, and audited in its name", () => {
  const { carryOut, audit } = given({
    "tasks.remove": ({ task }, { record, permit }) => {
      permit("a-1");
      return record(`task:${task}`, () => ({ done: true as const }));
    },
  });
  assert.deepEqual(carryOut("tasks.remove", { task: "t-1" }), { ok: true, text: JSON.stringify({ done: true }) });
  assert.deepEqual(
    audit.list(10).map(({ actor, verb, resource, decision }) => [actor, verb, resource, decision]),
    [["agent:a-1", "tasks.remove", "task:t-1", "allow"]],
  );
});

test("arguments that are wrong, verbs that are not, and what a person would have to mend are answers", () => {
  const { carryOut, audit } = given({
    "tasks.remove": () => {
      throw new Misuse("there is no task", "list them first");
    },
  });
  assert.match(carryOut("tasks.remove", { task: 7 }).text, /^task: /);
  assert.match(carryOut("tasks.remove", {}).text, /task/);
  assert.match(carryOut("no.such", {}).text, /no verb "no.such"/);
  assert.match(carryOut("constructor", {}).text, /no verb/);
  assert.deepEqual(carryOut("tasks.remove", { task: "x" }), { ok: false, text: "there is no task. list them first" });
  assert.deepEqual(audit.list(10), []);
});

test("a refusal undoes what was tried and is audited all the same, in a chain that stays whole", () => {
  const { carryOut, audit, store } = given({
    "tasks.remove": ({ task }, { record, permit }) =>
      record(`task:${task}`, () => {
        store.settings.set("touched", task);
        permit("a-2");
        return { done: true as const };
      }),
  });
  const answer = store.db.transaction(() => {
    store.settings.set("before", "x");
    const said = carryOut("tasks.remove", { task: "t-1" });
    store.settings.set("after", "x");
    return said;
  });
  assert.deepEqual(answer, { ok: false, text: "that belongs to another agent" });
  assert.equal(removing(store)(), null);
  assert.deepEqual(
    store.db.all<{ key: string }>("SELECT key FROM settings ORDER BY key").map(({ key }) => key),
    ["after", "before"],
  );
  assert.deepEqual(
    audit.list(10).map(({ verb, decision }) => [verb, decision]),
    [["tasks.remove", "deny"]],
  );
  assert.equal(audit.verify().intact, true);
});

test("an effect that fails inside leaves no half, and nobody is rung for it; the agent hears no more than that", () => {
  const rung: string[] = [];
  const { carryOut, store, audit } = given({
    "tasks.remove": ({ task }, { record }) =>
      record(`task:${task}`, () => {
        store.settings.set("touched", task);
        store.db.afterCommit(() => rung.push("undone"));
        throw new Error("a secret of the host");
      }),
  });
  store.db.transaction(() => {
    store.db.afterCommit(() => rung.push("kept"));
    assert.deepEqual(carryOut("tasks.remove", { task: "t-1" }).ok, false);
    assert.equal(carryOut("tasks.remove", { task: "t-1" }).text.includes("secret"), false);
  });
  assert.deepEqual(rung, ["kept"]);
  assert.equal(removing(store)(), null);
  assert.deepEqual(audit.list(10), []);
});

test("what waits for something, and what only owners may do, is nothing for an agent, and is not begun", () => {
  const { carryOut, store, audit } = given({
    "tasks.remove": async () => {
      store.settings.set("touched", "x");
      throw new Error("nobody hears of this");
    },
  });
  assert.match(carryOut("tasks.remove", { task: "t-1" }).text, /nothing that an agent can do/);
  assert.match(carryOut("outbox.retry", { id: 1 }).text, /nothing that an agent can do/);
  assert.match(carryOut("host.stop", {}).text, /nothing that an agent can do/);
  assert.equal(removing(store)(), null);
  assert.equal(audit.list(10).filter(({ decision }) => decision === "deny").length, 3);
});

test("a full disk is no answer: it goes on to whoever takes the agent's rows, who comes again", () => {
  const { carryOut } = given({
    "tasks.remove": () => {
      throw new Retryable("the disk is full");
    },
  });
  assert.throws(() => carryOut("tasks.remove", { task: "t-1" }), Retryable);
});
