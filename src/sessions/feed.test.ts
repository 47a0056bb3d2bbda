import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailboxChange } from "../../protocol/mailbox/writer.ts";
import { inboundBody } from "../../protocol/rows.ts";
import { OWNER, SESSION, world } from "../../test/support/world.ts";
import type { InboxRow } from "../store/inbox.ts";
import { Feed } from "./feed.ts";
import type { FedFile } from "./files.ts";
import { receipts } from "./notices.ts";

/** A mailbox in memory that can refuse. */
function given() {
  const w = world();
  const rows = new Map<number, unknown>();
  let refuses = false;
  const writer = {
    commit({ put = [], remove, state }: MailboxChange) {
      if (refuses) throw new Error("disk full");
      if (remove && "numbers" in remove) for (const n of remove.numbers) rows.delete(n);
      else if (remove) for (const n of [...rows.keys()]) if (n <= remove.upTo) rows.delete(n);
      for (const { n, body } of put) rows.set(n, body);
      acked = state?.acked ?? acked;
    },
    lastNumber: () => Math.max(0, ...rows.keys()),
    close: () => {},
  };
  let acked: string | null = null;
  const files = new Map<number, FedFile[] | null>();
  const source = {
    unfinished: (limit: number) => w.store.inbox.unfinished(SESSION, 0, limit),
    outboundCursor: () => w.store.sessions.session(SESSION)?.outboundCursor ?? 0,
    alreadyDone: () => ["Bash (make tea) ended well"],
    receipts: ({ number }: InboxRow) => receipts(w.store.outbox.outcomes(SESSION, number)),
    files: ({ number }: InboxRow) => (files.has(number) ? (files.get(number) ?? null) : []),
    answers: (after: number) => w.store.calls.answers(SESSION, after),
    stoppedUpTo: () => w.store.sessions.stoppedUpTo(SESSION),
    nextNumber: () => w.store.sessions.nextNumber(SESSION, w.clock.now()),
  };
  return {
    ...w,
    files,
    open: () => new Feed(writer, source),
    numbers: () => [...rows.keys()].sort((a, b) => a - b),
    body: (n: number) => rows.get(n),
    acked: () => acked,
    refuse: (on: boolean) => {
      refuses = on;
    },
  };
}

test("opening it makes the file hold exactly what is unfinished, whatever it held before", () => {
  const { say, open, numbers, store } = given();
  const [first, second] = [say("one"), say("two")];
  open();
  store.inbox.intoTurn(SESSION, [first], 1);
  store.inbox.finish(SESSION, [first], 1, "done");
  open();
  assert.deepEqual(numbers(), [second]);
});

test("a row is written once, taken away when it is finished, and the cursor goes along", () => {
  const { say, open, numbers, store, acked } = given();
  const feed = open();
  const n = say("one");
  assert.equal(feed.project(), true);
  assert.equal(feed.project(), false);
  store.inbox.intoTurn(SESSION, [n], 1);
  store.inbox.finish(SESSION, [n], 1, "done");
  store.sessions.setCursor(SESSION, 3);
  assert.equal(feed.settle(), false);
  assert.deepEqual(numbers(), []);
  assert.equal(acked(), "3");
});

test("a row that is queued again is written again, with what was already done", () => {
  const { say, open, body, store } = given();
  const n = say("one");
  const feed = open();
  store.inbox.intoTurn(SESSION, [n], 1);
  store.inbox.requeue(SESSION, n);
  assert.equal(feed.project(), true);
  assert.deepEqual((body(n) as { attempt: number; alreadyDone: string[] }).alreadyDone, ["Bash (make tea) ended well"]);
});

test("a control row goes in at once, stays for one settling that the runner may not have looked before, and goes with the next", () => {
  const { open, numbers } = given();
  const feed = open();
  assert.equal(feed.control("rest"), true);
  assert.equal(numbers().length, 1);
  feed.settle();
  assert.equal(numbers().length, 1);
  feed.settle();
  assert.deepEqual(numbers(), []);
  feed.control("rest");
  open();
  assert.deepEqual(numbers(), [], "a new runner must not be sent to rest by an old word");
});

test("a stop stands after what was said before it, also while it is paused and for a new runner, until all of that has ended", () => {
  const { say, open, numbers, body, store } = given();
  const first = say("one");
  const feed = open();
  const second = say("two");
  feed.paused = true;
  const stop = store.sessions.stop(SESSION);
  const later = say("three");
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [first, second, stop]);
  assert.deepEqual(body(stop), { kind: "control", action: "stop" });
  assert.equal(feed.project(), false);
  open();
  assert.deepEqual(numbers(), [first, second, stop, later]);
  store.inbox.endAll(SESSION, "done", stop);
  open();
  assert.deepEqual(numbers(), [later]);
});

test("an answer to a verb is written once, also while it is paused, and goes when its turn has ended", () => {
  const { open, numbers, body, store } = given();
  const feed = open();
  feed.paused = true;
  store.calls.add(SESSION, 3, 1, 2, { ok: false, text: "no such task" });
  assert.equal(feed.project(), true);
  assert.equal(feed.project(), false);
  assert.deepEqual(body(2), { kind: "answer", to: 3, ok: false, text: "no such task" });
  feed.settle();
  assert.deepEqual(numbers(), [2]);
  store.calls.forget(SESSION, 1);
  feed.settle();
  assert.deepEqual(numbers(), []);
});

test("an answer that could not be written is written the next time", () => {
  const { open, numbers, store, refuse } = given();
  const feed = open();
  store.calls.add(SESSION, 3, 1, 2, { ok: true, text: "done" });
  refuse(true);
  assert.throws(() => feed.project());
  refuse(false);
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [2]);
});

test("what became of the agent's messages is told with one row, however often it is projected", () => {
  const { open, say, body, store, refuse, clock } = given();
  const feed = open();
  const address = { channel: "test", chat: "room", thread: null };
  const message = { sessionId: SESSION, turn: 1, author: "agent", text: "x", number: 3, key: "k" } as const;
  store.outbox.add({ ...message, address, answers: [] }, clock.now());
  store.outbox.sent(1, "x1", clock.now());
  const [first, second] = [say("one"), say("two")];
  refuse(true);
  assert.throws(() => feed.project());
  refuse(false);
  feed.project();
  const receiptsOf = (n: number) => (body(n) as { receipts: string[] }).receipts;
  for (let attempt = 1; attempt <= 2; attempt++) {
    assert.deepEqual(receiptsOf(first), ["message 3 was delivered"]);
    assert.deepEqual(receiptsOf(second), []);
    open();
  }
  store.inbox.intoTurn(SESSION, [first], 1);
  store.inbox.requeue(SESSION, first);
  open();
  assert.deepEqual(receiptsOf(first), ["message 3 was delivered"]);
});

test("a row whose files are being fetched waits, and what came after it waits with it", () => {
  const { open, say, numbers, body, files } = given();
  const [first, second] = [say("one"), say("two")];
  const third = say("three");
  files.set(second, null);
  const feed = open();
  assert.deepEqual(numbers(), [first]);
  assert.equal(feed.project(), false);
  const file = { name: "a.txt", type: "", path: "/in/a.txt", note: "" };
  files.set(second, [file]);
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [first, second, third]);
  assert.deepEqual((body(second) as { files: unknown }).files, [file]);
});

test("an edit and a deletion say which message they are about", () => {
  const { open, say, body, store, clock } = given();
  const n = say("one");
  const event = { channel: "test", chat: "room", thread: null, platformId: "p1", author: "person" } as const;
  const id = store.inbox.addEvent({
    ...{
      ...event,
      files: [],
      script: null,
      revision: 1,
      change: "deleted" as const,
      userId: OWNER,
      userName: "Owner",
      text: "",
    },
    ...{ saidAt: clock.now(), receivedAt: clock.now() },
  });
  const deletion = store.sessions.nextNumber(SESSION, clock.now());
  store.inbox.enqueue(SESSION, deletion, id ?? 0, false, n);
  say("two");
  open();
  const { change, about, engages } = body(deletion) as Record<string, unknown>;
  assert.deepEqual([change, about, engages], ["deleted", n, false]);
  assert.equal(inboundBody.safeParse(body(deletion)).success, true);
});

test("what could not be written is written the next time", () => {
  const { say, open, numbers, refuse } = given();
  const feed = open();
  const n = say("one");
  refuse(true);
  assert.throws(() => feed.project());
  refuse(false);
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [n]);
});

test("however long the queue, the file holds a window of it, and a huge row always fits", () => {
  const { say, open, numbers, store } = given();
  say("x".repeat(200_000));
  say("y".repeat(200_000));
  const rest = Array.from({ length: 500 }, (_, i) => say(`m${i}`));
  const feed = open();
  assert.equal(numbers().length, 2);
  for (const n of numbers()) {
    store.inbox.intoTurn(SESSION, [n], 1);
    store.inbox.finish(SESSION, [n], 1, "done");
  }
  assert.equal(feed.settle(), true);
  assert.deepEqual(numbers(), rest.slice(0, 200));
});

test("while it is paused nothing new goes in, but what is finished goes", () => {
  const { say, open, numbers, store } = given();
  const first = say("one");
  const feed = open();
  feed.paused = true;
  const second = say("two");
  assert.equal(feed.project(), false);
  store.inbox.intoTurn(SESSION, [first], 1);
  store.inbox.finish(SESSION, [first], 1, "done");
  feed.settle();
  assert.deepEqual(numbers(), []);
  feed.paused = false;
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [second]);
});

test("what a stop meets beyond the window is named, so that it can have its end without a runner", () => {
  const { open, say, store } = given();
  const numbers = Array.from({ length: 250 }, (_, index) => say(`m${index}`));
  const feed = open();
  assert.equal(feed.stoppedBefore(), null);
  store.sessions.stop(SESSION);
  feed.project();
  const from = feed.stoppedBefore();
  assert.equal(from, numbers[200]);
  store.inbox.endAll(SESSION, "done", store.sessions.stoppedUpTo(SESSION), from ?? 0);
  assert.equal(feed.stoppedBefore(), null);
  assert.equal(store.inbox.unfinished(SESSION).length, 200);
});

test("context never hides what wants an answer, however much of it there is", () => {
  const { open, say, numbers, store } = given();
  const context = Array.from({ length: 1_500 }, (_, index) => say(`chatter ${index}`, false));
  const asked = say("and you?");
  open();
  assert.deepEqual(numbers(), [...context.slice(-100), asked], "the latest of it, in order");
  assert.ok(store.inbox.unfinished(SESSION, 0, 5_000).length <= 201, "the rest has its end");
  store.inbox.intoTurn(SESSION, numbers(), 1);
  store.inbox.finish(SESSION, numbers(), 1, "done");
  store.inbox.endContext(SESSION, asked);
  assert.deepEqual(store.inbox.unfinished(SESSION), []);
});

test("context waits outside the file for what it rides with, so that it never fills the window of a runner that is idle", () => {
  const { open, say, numbers, store } = given();
  const feed = open();
  const first = say("work");
  feed.project();
  const context = Array.from({ length: 200 }, (_, index) => say(`chatter ${index}`, false));
  assert.equal(feed.settle(), false, "the runner is in a turn");
  store.inbox.intoTurn(SESSION, [first], 1);
  store.inbox.finish(SESSION, [first], 1, "done");
  assert.equal(feed.settle(), false);
  assert.deepEqual(numbers(), []);
  const asked = say("and you?");
  assert.equal(feed.project(), true);
  assert.deepEqual(numbers(), [...context.slice(-100), asked]);
});

test("long context gives way, too", () => {
  const { open, say, numbers } = given();
  for (let n = 0; n < 5; n++) say("x".repeat(90_000), false);
  const asked = say("and you?");
  open();
  assert.equal(numbers().length, 3);
  assert.equal(numbers().at(-1), asked);
});

test("a message says whether its author is somebody whom the owner knows", () => {
  const { open, say, body, store, clock } = given();
  const known = say("hello");
  const from = (userId: string, number: number) => {
    const said = { change: "said", author: "person", userName: "x", text: "x", script: null } as const;
    const place = { channel: "test", chat: "room", thread: null, platformId: userId, revision: 0 };
    const id = store.inbox.addEvent({
      ...said,
      ...place,
      files: [],
      userId,
      saidAt: clock.now(),
      receivedAt: clock.now(),
    });
    store.inbox.enqueue(SESSION, number, id ?? 0, true);
    return number;
  };
  const numbers = [known, from("test:eve", 100), from("task:t-1", 102), from("agent:helper", 104)];
  open();
  const strangers = numbers.map((number) => (body(number) as { stranger: boolean }).stranger);
  assert.deepEqual(strangers, [false, true, false, true]);
});
