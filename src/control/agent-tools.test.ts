import assert from "node:assert/strict";
import { test } from "node:test";
import { type VerbName, verbs } from "../../api/verbs.ts";
import { messageEffects } from "../../parts/messages/index.ts";
import { type ScheduledTasksParts, scheduledTasks } from "../../parts/tasks/index.ts";
import { runnerConfig } from "../../protocol/config.ts";
import { outboundBody } from "../../protocol/rows.ts";
import { AGENT, countingRandom, SESSION, world } from "../../test/support/world.ts";
import { type Channel, type ChannelEvent, STOP_BUTTON } from "../channels/channel.ts";
import { Router } from "../inbound/router.ts";
import { Misuse } from "../lib/errors.ts";
import type { AgentGroupId } from "../lib/ids.ts";
import { silentLog } from "../lib/log.ts";
import { applyRows } from "../sessions/apply.ts";
import { judge } from "../sessions/judge.ts";
import { agentTools, carryOutFor } from "./agent-tools.ts";
import { type Effects, Executor } from "./execute.ts";

/** A session whose agent runs a turn and asks for verbs. */
function given(can: Partial<Channel["capabilities"]> = {}) {
  const w = world();
  const { store, audit, clock, session } = w;
  const random = countingRandom();
  const router = new Router({ ...w, random, wake: () => {} });
  const scheduled = scheduledTasks({
    ...{ store, audit, clock, random, router, log: silentLog, supervisor: { dismiss: async () => {} } },
    containers: {} as ScheduledTasksParts["containers"],
  });
  const capabilities = { edits: true, reactions: true, files: true, ...can };
  const known = {
    ...scheduled.effects,
    ...messageEffects({
      ...{ store, clock },
      channel: () => ({ capabilities }) as Channel,
      sentFile: (_session, id) => {
        if (id !== "f-1") throw new Misuse(`there is no file ${id}`);
        return { path: "/sent/f-1", name: "report.pdf" };
      },
    }),
  } as Partial<Effects>;
  const missing = (Object.keys(verbs) as VerbName[]).map((name) => [
    name,
    () => assert.fail(`${name} was carried out`),
  ]);
  const executor = new Executor({ ...Object.fromEntries(missing), ...known }, store, audit);
  const parts = { store, audit, tripwire: w.tripwire, carryOut: carryOutFor(store, () => executor) };
  const message = w.say("hello");
  applyRows(parts, session, [{ n: 1, body: { kind: "turn_started", inbound: [message] } }], clock.now());
  let n = 1;
  /** @returns the number of the row that asked, and the answer */
  const ask = (verb: string, args: Record<string, unknown>, turn = 1) => {
    n += 2;
    applyRows(parts, session, [{ n, body: { kind: "verb", turn, verb, args } }], clock.now());
    const answer = store.calls.answers(SESSION, 0).find(({ to }) => to === n) ?? assert.fail();
    return { n, ok: answer.ok, text: answer.text, json: answer.ok ? JSON.parse(answer.text) : null };
  };
  const begin = (inbound: number[]) => {
    n += 2;
    applyRows(parts, session, [{ n, body: { kind: "turn_started", inbound } }], clock.now());
    return n;
  };
  const cutOff = () => judge(store, audit, session, "it was killed", 1, clock.now());
  const addGroup = (id: string) => {
    const { id: _, ...group } = store.groups.agentGroup(AGENT) ?? assert.fail();
    store.groups.addAgentGroup({ ...group, id: id as AgentGroupId, folder: id });
    return id as AgentGroupId;
  };
  return {
    ...w,
    tasks: scheduled.scheduler.tasks,
    ask,
    begin,
    cutOff,
    message,
    addGroup,
    rows: () => store.outbox.list(null, 10),
    known,
  };
}

test("what agents have as tools fits the runner's config and the rows that ask, and none of it waits for anything", () => {
  const config = { tools: agentTools };
  assert.equal(runnerConfig.shape.tools.safeParse(config.tools).success, true);
  assert.deepEqual(agentTools.map(({ name }) => name).sort(), [...new Set(agentTools.map(({ name }) => name))].sort());
  const { known } = given();
  for (const { verb, schema } of agentTools) {
    const row = { kind: "verb", turn: 1, verb, args: {} };
    assert.equal(outboundBody.safeParse(row).success, true, verb);
    assert.equal(schema.type, "object");
    assert.notEqual(known[verb as VerbName]?.constructor.name, "AsyncFunction", verb);
  }
  const { schema } = agentTools.find(({ verb }) => verb === "tasks.add") ?? assert.fail();
  assert.deepEqual(
    Object.keys(schema.properties as object).filter((field) => ["group", "chat"].includes(field)),
    [],
  );
  assert.ok(Buffer.byteLength(STOP_BUTTON.value) <= 60);
});

test("an agent says something in its own conversation, once, by the number of the row that asks", () => {
  const { ask, rows, audit } = given();
  const { n, json } = ask("messages.send", { text: "half-way", files: ["f-1"] });
  assert.deepEqual(json, { message: n });
  const [row] = rows();
  assert.deepEqual(
    [row?.kind, row?.text, row?.number, row?.chat, row?.files],
    ["message", "half-way", n, "room", [{ path: "/sent/f-1", name: "report.pdf" }]],
  );
  assert.equal(audit.list(20).filter(({ verb }) => verb === "messages.send").length, 1);
});

test("what can't be said is answered with why, and nothing of it is kept", () => {
  for (const [args, why, can] of [
    [{ text: " " }, /empty/, {}],
    [{ text: "x", files: ["f-2"] }, /no file f-2/, {}],
    [{ text: "x", files: ["f-1"] }, /has no files/, { files: false }],
    [{ text: "x", to: "elsewhere" }, /Unrecognized|unrecognized/, {}],
    [{ text: "x", files: Array(6).fill("f-1") }, /files/, {}],
  ] as [Record<string, unknown>, RegExp, object][]) {
    const { ask, rows } = given(can);
    const { ok, text } = ask("messages.send", args);
    assert.equal(ok, false);
    assert.match(text, why);
    assert.deepEqual(rows(), []);
  }
});

test("what a cut-off turn said is not said again by the turn that goes on with its work, once for each time", () => {
  const { ask, rows, cutOff, message, begin } = given();
  const first = ask("messages.send", { text: "one" }).n;
  const second = ask("messages.send", { text: "one" }).n;
  const two = ask("messages.send", { text: "two" }).n;
  cutOff();
  const turn = begin([message]);
  assert.deepEqual(ask("messages.send", { text: "one" }, turn).json, { message: first });
  cutOff();
  const last = begin([message]);
  const again = ["one", "one", "one", "two"].map((text) => ask("messages.send", { text }, last));
  assert.deepEqual(
    again.map(({ json }) => json.message),
    [first, second, again[2]?.n, two],
  );
  assert.equal(rows().filter(({ author }) => author === "agent").length, 4);
});

test("a message with files, or one that went out in parts, is not said again either; with another file it is", () => {
  const { ask, rows, cutOff, message, begin, store } = given();
  const withFile = ask("messages.send", { text: "look", files: ["f-1"] }).n;
  const long = ask("messages.send", { text: "one two", files: ["f-1"] }).n;
  store.outbox.split(rows()[0] ?? assert.fail(), ["one", "two"]);
  cutOff();
  const turn = begin([message]);
  assert.deepEqual(ask("messages.send", { text: "one two", files: ["f-1"] }, turn).json, { message: long });
  assert.deepEqual(ask("messages.send", { text: "look", files: ["f-1"] }, turn).json, { message: withFile });
  const count = rows().length;
  for (const other of [{ text: "one two" }, { text: "one" }, { text: "two", files: ["f-1"] }, { text: "look" }]) {
    const { n, json } = ask("messages.send", other, turn);
    assert.deepEqual(json, { message: n });
  }
  assert.equal(rows().length, Math.min(count + 4, 10));
});

test("what an earlier turn said that had its end, or whose work was given up, may be said again", () => {
  const { ask, cutOff, say, begin, rows, store, clock } = given();
  ask("messages.send", { text: "one" });
  store.turns.end(SESSION, 1, "done", clock.now(), null, null);
  const turn = begin([say("more")]);
  const second = ask("messages.send", { text: "one" }, turn);
  assert.deepEqual(second.json, { message: second.n });
  store.inbox.endAll(SESSION, "failed");
  cutOff();
  const next = begin([say("new")]);
  const third = ask("messages.send", { text: "one" }, next);
  assert.deepEqual(third.json, { message: third.n });
  assert.equal(rows().filter(({ author }) => author === "agent").length, 3);
});

test("an agent changes its own messages only, whole ones, where the platform can", () => {
  const { ask, rows, store, message } = given();
  const { n } = ask("messages.send", { text: "one" });
  assert.deepEqual(ask("messages.edit", { message: n, text: "two" }).json, { message: n });
  assert.deepEqual([rows()[0]?.kind, rows()[0]?.over], ["edit", rows()[1]?.id]);
  assert.match(ask("messages.edit", { message, text: "x" }).text, /none of yours/);
  assert.match(ask("messages.edit", { message: 99, text: "x" }).text, /none of yours/);
  store.outbox.split(rows()[1] ?? assert.fail(), ["a", "b"]);
  assert.match(ask("messages.edit", { message: n, text: "x" }).text, /several parts/);
  assert.match(given({ edits: false }).ask("messages.edit", { message: 3, text: "x" }).text, /has no edits/);
});

test("an agent reacts to what was said in its own chat, by people or itself", () => {
  const { ask, rows, store, message, clock } = given();
  assert.equal(ask("messages.react", { message, emoji: "👍" }).ok, true);
  assert.deepEqual([rows()[0]?.kind, rows()[0]?.target, rows()[0]?.text], ["reaction", "p1", "👍"]);
  const { n } = ask("messages.send", { text: "one" });
  assert.match(ask("messages.react", { message: n, emoji: "👍" }).text, /that was delivered/);
  store.outbox.sent(rows()[0]?.id ?? 0, "x9", clock.now());
  assert.equal(ask("messages.react", { message: n, emoji: "" }).ok, true);
  assert.equal(rows()[0]?.target, "x9");
  assert.match(ask("messages.react", { message: 98, emoji: "👍" }).text, /no message 98/);
  assert.match(given({ reactions: false }).ask("messages.react", { message, emoji: "👍" }).text, /has no reactions/);
});

test("what a task said to an agent, or a person in another chat, has no message here to react to", () => {
  const { ask, store, session, clock } = given();
  const event: Omit<ChannelEvent, "address" | "user" | "mentioned" | "direct" | "at"> = {
    ...{ platformId: "p1", revision: 0, change: "said", userName: "X", text: "hi", files: [] },
  };
  const at = { saidAt: clock.now(), receivedAt: clock.now(), userId: "u", thread: null, script: null };
  for (const [chat, author, platformId] of [
    ["elsewhere", "person", "p1"],
    ["room", "system", "task:t-1:5"],
  ] as const) {
    const id = store.inbox.addEvent({ ...event, ...at, channel: "test", chat, author, platformId });
    const number = store.sessions.nextNumber(session.id, clock.now());
    store.inbox.enqueue(session.id, number, id ?? 0, true);
    assert.match(ask("messages.react", { message: number, emoji: "👍" }).text, /no message/);
  }
});

test("an agent's task is its own, in its own chat, whatever it says", () => {
  const { ask, addGroup, tasks } = given();
  addGroup("other");
  const wanted = { prompt: "look", name: "look", every: "1h", group: "other", chat: "test:elsewhere" };
  const { json } = ask("tasks.add", wanted);
  assert.deepEqual([json.group, json.chat], ["main", "test:room"]);
  assert.equal(tasks.task(json.task)?.agentGroup, AGENT);
  assert.match(ask("tasks.add", { ...wanted, every: "soon" }).text, /soon/);
});

test("an agent sees and changes its own group's tasks only; a refusal is audited and changes nothing", () => {
  const { ask, addGroup, tasks, audit } = given();
  const mine = ask("tasks.add", { prompt: "look", name: "mine", every: "2h" }).json.task;
  const foreign = addGroup("other");
  for (let n = 0; n < 60; n++) {
    const task = tasks.task(mine) ?? assert.fail();
    tasks.add({ ...task, id: `theirs-${n}`, agentGroup: foreign, nextAt: 1 });
  }
  assert.deepEqual(
    ask("tasks.list", {}).json.map(({ name }: { name: string }) => name),
    ["mine"],
  );
  const before = tasks.task("theirs-1");
  for (const verb of ["pause", "resume", "remove"])
    assert.match(ask(`tasks.${verb}`, { task: "theirs-1" }).text, /belongs to another agent/);
  assert.deepEqual(tasks.task("theirs-1"), before);
  assert.equal(audit.list(50).filter(({ decision }) => decision === "deny").length, 3);
  assert.match(ask("tasks.run", { task: mine }).text, /nothing that an agent can do/);
  assert.equal(ask("tasks.remove", { task: mine }).ok, true);
  assert.equal(tasks.task(mine), undefined);
});
