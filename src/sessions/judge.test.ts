import assert from "node:assert/strict";
import { test } from "node:test";
import { SESSION, world } from "../../test/support/world.ts";
import { judge } from "./judge.ts";

function given() {
  const w = world();
  const { store, audit, session, clock } = w;
  return {
    ...w,
    /** The session is in a turn over these. */
    turn(n: number, numbers: number[]) {
      store.turns.start(SESSION, n, clock.now());
      store.inbox.intoTurn(SESSION, numbers, n);
    },
    judged: (deaths = 0) => judge(store, audit, session, "it was killed", deaths, clock.now()),
    unfinished: () => store.inbox.unfinished(SESSION).map(({ number, state, attempt }) => [number, state, attempt]),
    turnState: (n: number) =>
      store.db.get<{ state: string }>("SELECT state FROM turns WHERE session_id=? AND number=?", SESSION, n)?.state,
  };
}

test("what was stopped ends as stopped, in a turn or before one, with one notice; what came after it is done", () => {
  const { say, turn, judged, store, unfinished, outbox, turnState } = given();
  const [first] = [say("one"), say("two")];
  turn(1, [first]);
  store.sessions.stop(SESSION);
  const after = say("go on");
  judged();
  judged();
  assert.deepEqual(unfinished(), [[after, "queued", 1]]);
  assert.equal(turnState(1), "stopped");
  assert.deepEqual(outbox(), ["system: Stopped."]);
  assert.deepEqual(store.outbox.list(null, 1)[0]?.answers, ["p1", "p2"]);
});

test("in a conversation over many chats each chat is told that its own was stopped", () => {
  const { say, turn, judged, store, unfinished } = given();
  store.db.run("UPDATE sessions SET conversation='*'");
  const [first] = [say("one"), say("two"), say("three")];
  store.db.run("UPDATE inbound_events SET chat='other', thread='t' WHERE text='two'");
  turn(1, [first]);
  store.sessions.stop(SESSION);
  judged();
  assert.deepEqual(unfinished(), []);
  assert.equal(store.inbox.hasWork(SESSION), false);
  assert.deepEqual(
    store.outbox
      .list(null, 9)
      .map(({ chat, thread, text, answers }) => [chat, thread, text, answers])
      .reverse(),
    [
      ["room", null, "Stopped.", ["p1"]],
      ["other", "t", "Stopped.", ["p2"]],
      ["room", null, "Stopped.", ["p3"]],
    ],
  );
});

test("a stop without a turn or a container ends what waited, and says so once", () => {
  const { say, judged, store, unfinished, outbox } = given();
  say("one");
  store.sessions.stop(SESSION);
  judged();
  judged(9);
  assert.deepEqual(unfinished(), []);
  assert.deepEqual(outbox(), ["system: Stopped."]);
});

test("a stop that came after everything had its end stops nothing of what comes next", () => {
  const { say, turn, judged, store, unfinished, outbox } = given();
  const first = say("one");
  turn(1, [first]);
  store.turns.end(SESSION, 1, "done", 1, null, null);
  store.inbox.finish(SESSION, [first], 1, "done");
  store.sessions.stop(SESSION);
  const next = say("two");
  judged();
  assert.deepEqual(unfinished(), [[next, "queued", 1]]);
  assert.deepEqual(outbox(), []);
});

test("a message that was fed to a turn after the stop is taken up again, not lost with it", () => {
  const { say, turn, judged, store, unfinished, turnState } = given();
  const first = say("one");
  turn(1, [first]);
  store.sessions.stop(SESSION);
  const fed = say("two");
  store.inbox.intoTurn(SESSION, [fed], 1);
  judged();
  assert.deepEqual(unfinished(), [[fed, "queued", 2]]);
  assert.equal(turnState(1), "stopped");
});

test("the notice of what was given up takes the draft's place; where it is taken up again the draft stays", () => {
  const { say, turn, judged, store } = given();
  const number = say("hello");
  const draft = () => {
    const row = { sessionId: SESSION, turn: 1, author: "agent", text: "so far …", key: "d" } as const;
    const address = { channel: "test", chat: "room", thread: null };
    store.outbox.add({ ...row, address, answers: [], kind: "draft" }, 1);
    const id = store.outbox.openDraft(SESSION)?.id ?? 0;
    store.outbox.sent(id, "p", 1);
    return id;
  };
  turn(1, [number]);
  const id = draft();
  judged();
  assert.equal(store.outbox.openDraft(SESSION)?.id, id);
  for (const n of [3, 5]) {
    turn(n, [number]);
    judged();
  }
  const [notice] = store.outbox.list(null, 1);
  assert.match(notice?.text ?? "", /give up/);
  assert.equal(notice?.over, id);
  assert.equal(store.outbox.openDraft(SESSION), undefined);
});

test("answers to verbs of a cut-off turn are forgotten with it", () => {
  const { say, turn, judged, store } = given();
  turn(1, [say("hello")]);
  store.calls.add(SESSION, 3, 1, 4, { ok: true, text: "done" });
  judged();
  assert.deepEqual(store.calls.answers(SESSION, 0), []);
});

test("a verdict is whole or not at all", () => {
  const { say, turn, judged, store, unfinished, turnState } = given();
  const number = say("hello");
  turn(1, [number]);
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END");
  assert.throws(() => judged());
  assert.deepEqual(unfinished(), [[number, "in_turn", 1]]);
  assert.equal(turnState(1), "running");
});
