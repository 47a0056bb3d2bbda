import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SESSION, world } from "../../test/support/world.ts";
import type { Outbox, OutboxRow } from "./outbox.ts";

const ENDED = ["sent", "unknown", "dead"];

/** A store with messages for two conversations, the first row of each being its head. */
function outboxWith(chats: string[]) {
  const { store } = world();
  for (const [index, chat] of chats.entries()) {
    const address = { channel: "test", chat, thread: null };
    const row = { sessionId: null, turn: null, address, author: "agent" as const, text: "x", answers: [] };
    store.outbox.add({ ...row, key: `k${index}` }, index);
  }
  const rows = (): OutboxRow[] => store.outbox.list(null, 1000).reverse();
  return { outbox: store.outbox, rows, row: (id: number) => rows().find((one) => one.id === id) };
}

const id = fc.integer({ min: 1, max: 6 });
const step = fc.oneof(
  fc.record({ act: fc.constant("claim" as const), id }),
  fc.record({ act: fc.constant("sent" as const), id }),
  fc.record({ act: fc.constantFrom("retry" as const, "sending" as const), id }),
  fc.record({ act: fc.constantFrom("unknown" as const, "dead" as const), id }),
  fc.record({ act: fc.constant("reopen" as const), id }),
);

test("property: a message that has ended stays so, whatever is said of it, until a person opens it again", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b"), { minLength: 6, maxLength: 6 }), fc.array(step), (chats, steps) => {
      const { outbox, row } = outboxWith(chats);
      for (const { act, id } of steps) {
        const before = row(id);
        if (act === "claim") outbox.claim(id, 1);
        else if (act === "sent") outbox.sent(id, "p", 9);
        else if (act === "retry" || act === "sending") outbox.again(id, act, 5, "why");
        else if (act === "reopen") {
          assert.equal(outbox.reopen(id), ["unknown", "dead", "retry"].includes(before?.state ?? ""));
          continue;
        } else outbox.end(id, act, "why", 9);
        if (ENDED.includes(before?.state ?? "")) assert.deepEqual(row(id), before, `${act} on ${before?.state}`);
      }
    }),
  );
});

test("property: the heads are the first open row of each conversation", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b"), { minLength: 6, maxLength: 6 }), fc.array(step), (chats, steps) => {
      const { outbox, rows } = outboxWith(chats);
      for (const { act, id } of steps) {
        if (act === "claim") outbox.claim(id, 1);
        else if (act === "sent") outbox.sent(id, "p", 9);
        else if (act === "dead" || act === "unknown") outbox.end(id, act, "why", 9);
      }
      const open = rows().filter(({ state }) => !ENDED.includes(state));
      const first = open.filter((row) => row === open.find(({ chat }) => chat === row.chat));
      assert.deepEqual(outbox.heads(1), first);
    }),
  );
});

test("what is opened again by hand keeps what is known of it: an unknown outcome stays unknown to the platform", () => {
  const { outbox, row } = outboxWith(["a", "b", "a"]);
  outbox.claim(1, 1);
  outbox.end(1, "unknown", "no answer", 9);
  outbox.end(2, "dead", "refused", 9);
  assert.equal(outbox.reopen(1), true);
  assert.equal(row(1)?.state, "sending");
  assert.equal(outbox.reopen(2), true);
  assert.equal(row(2)?.state, "retry");
  assert.equal(outbox.reopen(3), false);
});

test("a message holds up its conversation for ten minutes from its first try on, however long it had waited before that", () => {
  const { outbox } = outboxWith(["a", "a", "b"]);
  const later = 24 * 60 * 60_000;
  const ids = (now: number) => outbox.heads(now).map(({ id }) => id);
  outbox.claim(1, later);
  outbox.again(1, "retry", later + 1, "slow down");
  assert.deepEqual(ids(later + 10 * 60_000), [1, 3]);
  assert.deepEqual(ids(later + 10 * 60_000 + 1), [1, 2, 3]);
  outbox.end(1, "dead", "no", later);
  // Opened again by hand it holds the others up anew.
  outbox.reopen(1);
  assert.deepEqual(ids(later + 20 * 60_000), [1, 3]);
});

test("property: parts take the place of their row: together they say the same, before whatever was said after it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 30 }),
      fc.boolean(),
      (parts, withFile) => {
        const { outbox, rows, row } = outboxWith(["a", "a"]);
        const files = withFile ? [{ path: "/f", name: "f" }] : [];
        outbox.split({ ...(row(1) ?? assert.fail()), files }, parts);
        const said: OutboxRow[] = [];
        for (let head = outbox.heads(1)[0]; head; head = outbox.heads(1)[0]) {
          said.push(head);
          outbox.sent(head.id, "p", 9);
        }
        assert.deepEqual(
          said.map(({ text }) => text),
          [...parts, "x"],
        );
        assert.equal(new Set(rows().map(({ key }) => key)).size, parts.length + 1);
        // The files ride along with the last part, once.
        assert.deepEqual(said.filter((one) => one.files.length > 0).length, withFile ? 1 : 0);
        if (withFile) assert.deepEqual(said.at(-2)?.files, files);
      },
    ),
  );
});

test("a text that has no part of its own loses no file", () => {
  const { outbox, row } = outboxWith(["a"]);
  const files = [{ path: "/f", name: "f" }];
  outbox.split({ ...(row(1) ?? assert.fail()), files }, []);
  assert.deepEqual([row(1)?.text, row(1)?.files], ["", files]);
});

/** A message that the agent of the session sent. */
function withAgent() {
  const { store, clock } = world();
  const address = { channel: "test", chat: "room", thread: null };
  const add = (
    number: number | undefined,
    kind: "message" | "draft" = "message",
    author: "agent" | "system" = "agent",
  ) => {
    const row = { sessionId: SESSION, turn: 1, address, author, text: "x", answers: [], kind };
    store.outbox.add({ ...row, ...(number && { number }), key: `${kind}-${number}-${author}` }, clock.now());
    return store.outbox.list(null, 1)[0]?.id ?? 0;
  };
  return { outbox: store.outbox, store, add };
}

test("an outcome is told with one message, however often that is handed over, and with no other", () => {
  const { outbox, add } = withAgent();
  const [one, two] = [add(3), add(5)];
  add(undefined, "message", "system");
  const outcomes = (number: number) => {
    outbox.tellOutcomes(SESSION, number);
    return outbox.outcomes(SESSION, number).map((outcome) => ({ ...outcome }));
  };
  assert.deepEqual(outcomes(10), []);
  outbox.sent(one, "p", 1);
  const told = [{ number: 3, kind: "message", state: "sent", error: null }];
  assert.deepEqual(outcomes(12), told);
  assert.deepEqual(outcomes(12), told);
  outbox.end(two, "dead", "no such chat", 1);
  assert.deepEqual(outcomes(14), [{ number: 5, kind: "message", state: "dead", error: "no such chat" }]);
  assert.deepEqual(outcomes(12), told);
  assert.deepEqual(outcomes(16), []);
  outbox.reopen(two);
  assert.deepEqual(outcomes(18), [], "what a person sends after all has not become anything yet");
  outbox.sent(two, "q", 2);
  assert.deepEqual(outcomes(20), [{ number: 5, kind: "message", state: "sent", error: null }]);
});

test("of a long message that is sent after all in part, all of it is told again", () => {
  const { outbox, add } = withAgent();
  const first = add(3);
  outbox.split(outbox.row(first) ?? assert.fail(), ["one", "two"]);
  const second = outbox.list(null, 1)[0]?.id ?? 0;
  for (const id of [first, second]) outbox.end(id, "dead", "held", 1);
  outbox.tellOutcomes(SESSION, 10);
  outbox.reopen(first);
  outbox.sent(first, "p", 2);
  outbox.tellOutcomes(SESSION, 12);
  assert.deepEqual(
    outbox.outcomes(SESSION, 12).map(({ number, state }) => [number, state]),
    [
      [3, "sent"],
      [3, "dead"],
    ],
  );
});

test("a draft that was not sent when its answer comes never will be; one that was gives its place away, once", () => {
  for (const [reach, state] of [
    [() => {}, "dead"],
    [(box: Outbox, id: number) => box.claim(id, 1), "sending"],
    [(box: Outbox, id: number) => box.sent(id, "p", 1), "sent"],
  ] as [(box: Outbox, id: number) => void, string][]) {
    const { outbox, add } = withAgent();
    const id = add(undefined, "draft");
    reach(outbox, id);
    assert.equal(outbox.openDraft(SESSION)?.id, id);
    assert.equal(outbox.closeDraft(SESSION, 5), state === "dead" ? null : id);
    assert.equal(outbox.row(id)?.state, state);
    assert.equal(outbox.closeDraft(SESSION, 5), null);
  }
});

test("what is asked for each message costs no look at all that was ever said", () => {
  const { store } = world();
  const plan = (sql: string) => JSON.stringify(store.db.all(`EXPLAIN QUERY PLAN ${sql}`));
  for (const sql of [
    "SELECT * FROM outbox WHERE told_with=1 AND session_id='s' AND author='agent'",
    "SELECT * FROM outbox WHERE told_with IS NULL AND session_id='s' AND author='agent'",
    "SELECT * FROM outbox WHERE session_id='s' AND number=3 AND kind='message'",
    "SELECT * FROM outbox WHERE session_id='s' AND kind='draft' AND over IS NULL",
  ])
    assert.match(plan(sql), /SEARCH outbox USING INDEX/, sql);
});
