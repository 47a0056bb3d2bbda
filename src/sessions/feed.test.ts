import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailboxChange } from "../../protocol/mailbox/writer.ts";
import { SESSION, world } from "../../test/support/world.ts";
import { Feed } from "./feed.ts";

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
  const source = {
    unfinished: () => w.store.inbox.unfinished(SESSION),
    outboundCursor: () => w.store.sessions.session(SESSION)?.outboundCursor ?? 0,
    alreadyDone: () => ["Bash (make tea) ended well"],
    nextNumber: () => w.store.sessions.nextNumber(SESSION, w.clock.now()),
  };
  return {
    ...w,
    open: () => new Feed(writer, source),
    numbers: () => [...rows.keys()],
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

test("a control row goes in at once and is gone after the next settling", () => {
  const { open, numbers } = given();
  const feed = open();
  assert.equal(feed.control("stop"), true);
  assert.equal(numbers().length, 1);
  feed.settle();
  assert.deepEqual(numbers(), []);
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
