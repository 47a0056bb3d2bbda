import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutboundBody, OutboundRow } from "../../protocol/rows.ts";
import { SESSION, world } from "../../test/support/world.ts";
import { Retryable } from "../lib/errors.ts";
import { type AgentCall, applyRows, ProtocolViolation } from "./apply.ts";
import { judge } from "./judge.ts";

const started = (n: number, inbound: number[]): OutboundRow => ({ n, body: { kind: "turn_started", inbound } });
const ended = (
  n: number,
  turn: number,
  acknowledges: number[],
  outcome: Extract<OutboundBody, { kind: "turn_ended" }>["outcome"],
): OutboundRow => ({
  n,
  body: {
    kind: "turn_ended",
    turn,
    outcome,
    acknowledges,
    continuation: { provider: "null", value: "c" },
    usage: null,
  },
});
const done = (text: string) => ({ status: "done", text }) as const;

const carryOut = ({ verb }: AgentCall) => ({ ok: verb === "messages.send", text: `${verb} was asked for` });

function given() {
  const w = world();
  return { ...w, apply: (rows: OutboundRow[]) => applyRows({ ...w, carryOut }, w.session, rows, w.clock.now()) };
}

test("a turn's end answers its messages, moves the cursor and keeps the continuation", () => {
  const { say, apply, store, outbox } = given();
  const number = say("hello");
  assert.deepEqual(apply([started(1, [number]), ended(3, 1, [number], done("hi"))]), [
    { type: "turn_began" },
    { type: "turn_ended" },
  ]);
  assert.deepEqual(outbox(), ["agent: hi"]);
  assert.deepEqual(store.outbox.list(null, 1)[0]?.answers, ["p1"]);
  assert.equal(store.inbox.hasWork(SESSION), false);
  assert.equal(store.sessions.session(SESSION)?.outboundCursor, 3);
  assert.equal(store.sessions.continuation(SESSION, "null")?.value, "c");
});

test("rows that were taken before count for nothing when they come again", () => {
  const { say, apply, outbox } = given();
  const number = say("hello");
  const rows = [started(1, [number]), ended(3, 1, [number], done("hi"))];
  apply(rows);
  assert.deepEqual(apply(rows), []);
  assert.deepEqual(outbox(), ["agent: hi"]);
});

test("a follow-up is acknowledged with the turn that took it up; one that was not waits as if it had just come", () => {
  const { say, apply, store } = given();
  const first = say("one");
  apply([started(1, [first])]);
  const [second, third] = [say("two"), say("three")];
  apply([{ n: 3, body: { kind: "turn_fed", turn: 1, inbound: [second, third] } }]);
  apply([ended(5, 1, [first, second], done("both"))]);
  assert.deepEqual(
    store.inbox.unfinished(SESSION).map(({ number, state, attempt }) => ({ number, state, attempt })),
    [{ number: third, state: "queued", attempt: 1 }],
  );
});

test("an error ends visibly, with what to do, and says that the messages failed", () => {
  const { say, apply, store, outbox } = given();
  const number = say("hello");
  apply([started(1, [number]), ended(3, 1, [number], { status: "error", class: "auth", message: "401 bad key" })]);
  assert.match(outbox()[0] ?? "", /^system: I couldn't answer: .*ncl credentials set anthropic.*401 bad key/s);
  assert.deepEqual(store.outbox.list(null, 1)[0]?.answers, ["p1"]);
});

test("a turn without an answer is never silent", () => {
  const { say, apply, outbox } = given();
  const number = say("hello");
  apply([started(1, [number]), ended(3, 1, [number], done(""))]);
  assert.match(outbox()[0] ?? "", /without an answer/);
});

for (const [what, rows] of [
  ["an even number", (n: number) => [started(2, [n])]],
  ["a message that does not exist", () => [started(1, [998])]],
  ["a turn inside another", (n: number) => [started(1, [n]), started(3, [n])]],
  ["the end of a turn that never began", (n: number) => [ended(1, 7, [n], done("x"))]],
  ["a tool in a turn that does not run", () => [{ n: 1, body: { kind: "tool_ended", turn: 5, call: "c", ok: true } }]],
] as [string, (n: number) => OutboundRow[]][]) {
  test(`${what} is refused, and nothing of its batch counts`, () => {
    const { say, apply, store, outbox } = given();
    const number = say("hello");
    assert.throws(() => apply(rows(number)), ProtocolViolation);
    assert.equal(store.turns.running(SESSION), null);
    assert.equal(store.sessions.session(SESSION)?.outboundCursor, 0);
    assert.deepEqual(outbox(), []);
  });
}

test("a runner can't acknowledge what it did not take up", () => {
  const { say, apply, store } = given();
  const [first, second] = [say("one"), say("two")];
  apply([started(1, [first]), ended(3, 1, [first, second], done("x"))]);
  assert.deepEqual(
    store.inbox.unfinished(SESSION).map((row) => row.number),
    [second],
  );
});

test("a cut-off turn is taken up again twice, each time with a notice, and then given up", () => {
  const { say, apply, store, audit, session, outbox, clock } = given();
  const number = say("hello");
  for (const turn of [1, 3, 5]) {
    apply([started(turn, [number])]);
    judge(store, audit, session, "it was killed", 0, clock.now());
  }
  assert.equal(store.inbox.hasWork(SESSION), false);
  const notices = outbox();
  assert.match(notices[0] ?? "", /try 2 of 3/);
  assert.match(notices[1] ?? "", /try 3 of 3/);
  assert.match(notices[2] ?? "", /give up.*killed/);
});

test("containers that end before they take anything up are tried a few times, then the messages fail visibly", () => {
  const { say, store, audit, session, outbox, clock } = given();
  say("hello");
  for (let deaths = 1; deaths <= 4; deaths++) judge(store, audit, session, "it ended with code 1", deaths, clock.now());
  assert.deepEqual(outbox(), []);
  judge(store, audit, session, "it ended with code 1", 5, clock.now());
  assert.equal(store.inbox.hasWork(SESSION), false);
  assert.match(outbox()[0] ?? "", /give up/);
});

const verb = (n: number, turn: number, name: string): OutboundRow => ({
  n,
  body: { kind: "verb", turn, verb: name, args: { text: "x" } },
});

test("a verb is carried out once, in its turn, and its answer is kept until the turn ends", () => {
  const w = world();
  const calls: AgentCall[] = [];
  const parts = { ...w, carryOut: (call: AgentCall) => ({ ok: calls.push(call) > 0, text: "done" }) };
  const apply = (rows: OutboundRow[]) => applyRows(parts, w.session, rows, w.clock.now());
  const number = w.say("hello");
  const rows = [started(1, [number]), verb(3, 1, "messages.send")];
  assert.deepEqual(apply(rows), [{ type: "turn_began" }, { type: "answered" }]);
  assert.deepEqual(apply(rows), []);
  assert.deepEqual(
    calls.map(({ session, turn, number, verb, args }) => [session.id, turn, number, verb, args]),
    [[SESSION, 1, 3, "messages.send", { text: "x" }]],
  );
  const [answer] = w.store.calls.answers(SESSION, 0);
  assert.deepEqual({ ...answer }, { number: number + 2, to: 3, ok: true, text: "done" });
  assert.equal(w.say("next"), number + 4);
  apply([ended(5, 1, [number], done("ok"))]);
  assert.deepEqual(w.store.calls.answers(SESSION, 0), []);
});

test("a verb that can't be kept takes its whole batch back, and is asked for again with it", () => {
  const w = world();
  let fails = true;
  const carryOut = () => {
    w.store.settings.set("touched", true);
    if (fails) throw new Retryable("the disk is full");
    return { ok: true, text: "done" };
  };
  const number = w.say("hello");
  const apply = () =>
    applyRows({ ...w, carryOut }, w.session, [started(1, [number]), verb(3, 1, "x.y")], w.clock.now());
  assert.throws(apply, Retryable);
  assert.equal(w.store.turns.running(SESSION), null);
  assert.deepEqual(w.store.db.all("SELECT * FROM settings"), []);
  fails = false;
  assert.equal(apply().length, 2);
});

test("a verb outside a turn is refused before anything is carried out", () => {
  const w = world();
  const carryOut = () => assert.fail("it was carried out");
  assert.throws(() => applyRows({ ...w, carryOut }, w.session, [verb(1, 1, "x.y")], 1), ProtocolViolation);
});

test("a runner that asks without end is stopped before it fills the disk", () => {
  const { say, apply } = given();
  apply([started(1, [say("hello")])]);
  const many = Array.from({ length: 1_100 }, (_, index) => verb(3 + 2 * index, 1, "messages.send"));
  assert.throws(() => apply(many), ProtocolViolation);
});

test("the answer takes the place of the draft, and carries the number by which the agent knows it", () => {
  const { say, apply, store, session } = given();
  const number = say("hello");
  apply([started(1, [number])]);
  const address = { channel: "test", chat: "room", thread: null };
  const draft = { sessionId: SESSION, turn: 1, author: "agent", text: "hi …", kind: "draft", key: "draft" } as const;
  store.outbox.add({ ...draft, address, answers: [] }, 1);
  store.outbox.sent(store.outbox.openDraft(session.id)?.id ?? 0, "p", 1);
  apply([ended(3, 1, [number], { status: "stopped", text: "half an ans" })]);
  const [notice, answer, first] = store.outbox.list(null, 10);
  assert.deepEqual([answer?.text, answer?.over, answer?.number], ["half an ans", first?.id, 3]);
  assert.match(notice?.text ?? "", /Stopped/);
  assert.deepEqual([notice?.over, notice?.number], [null, null]);
  assert.equal(store.outbox.openDraft(session.id), undefined);
});

test("in a conversation over many chats each answer goes where it was asked, also where the session was turned to it meanwhile", () => {
  const { say, apply, store } = given();
  store.db.run("UPDATE sessions SET conversation='*'");
  const [first, second] = [say("one"), say("two")];
  store.db.run("UPDATE inbound_events SET chat='other', thread='t' WHERE text='two'");
  apply([started(1, [first]), ended(3, 1, [first], done("to one"))]);
  apply([started(5, [second]), ended(7, 5, [second], done("to two"))]);
  assert.deepEqual(
    store.outbox
      .list(null, 9)
      .map(({ chat, thread, text }) => [chat, thread, text])
      .reverse(),
    [
      ["room", null, "to one"],
      ["other", "t", "to two"],
    ],
  );
  assert.deepEqual(store.outbox.byNumber(SESSION, 3), [], "what was said elsewhere is not changed from here");
  assert.equal(store.outbox.byNumber(SESSION, 7).length, 1);
});
