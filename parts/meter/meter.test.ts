import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_USE, type Reading } from "../../packages/model-usage/index.ts";
import type { MeteredRequest } from "../../src/gateway/meter.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { AGENT, OWNER, SESSION, world } from "../../test/support/world.ts";
import type { Budget } from "./budgets.ts";
import { RequestMeter } from "./meter.ts";

const HERE = { id: SESSION, agentGroup: AGENT, uid: 1000 };
const DAY = 86_400_000;
/** Costs 5 dollars for a million tokens read, 25 for a million written. */
const OPUS = "claude-opus-5";

const asking = (change: Partial<MeteredRequest> = {}): MeteredRequest => ({
  ...{ model: OPUS, maxOutput: 1000, streamed: true, fast: false, hash: "a".repeat(64), bytes: 300, billed: true },
  ...change,
});
/** An answer that tells its use to the end. */
const told = (output: number, input = 0, change: Partial<Reading> = {}): Reading => ({
  ...{ model: OPUS, told: { ...NO_USE, input, output }, final: true, written: 4 * output },
  ...change,
});

function given() {
  const w = world();
  const dismissed: SessionId[] = [];
  const start = () =>
    new RequestMeter({
      ...{ store: w.store, clock: w.clock, log: silentLog },
      dismiss: (id) => dismissed.push(id),
    });
  const meter = start();
  let asked = 0;
  return {
    ...w,
    meter,
    start,
    dismissed,
    /** Lets a request out that must pass, another one each time. @returns its id */
    out(change: Partial<MeteredRequest> = {}, by = meter): number {
      asked += 1;
      const verdict = by.ask(HERE, asking({ hash: asked.toString(16).padStart(64, "0"), ...change }));
      return verdict.allow ? verdict.id : assert.fail(verdict.why);
    },
    why(change: Partial<MeteredRequest> = {}, by = meter): string {
      asked += 1;
      const verdict = by.ask(HERE, asking({ hash: asked.toString(16).padStart(64, "0"), ...change }));
      return verdict.allow ? assert.fail("it passed") : verdict.why;
    },
    budget(change: Partial<Budget> = {}): void {
      const usual = { scope: "all", subject: "", per: "day", unit: "usd", most: 1_000_000, warn: 80 } as const;
      meter.budgets.set({ id: `b-${asked}`, createdAt: 0, ...usual, ...change });
      meter.accounts.forget();
    },
    rows: () => w.store.db.all<Record<string, unknown>>("SELECT * FROM model_requests ORDER BY id"),
    begin(turn = 1): void {
      w.store.turns.start(SESSION, turn, w.clock.now());
      const waiting = w.store.inbox.unfinished(SESSION).filter((row) => row.state === "queued");
      w.store.inbox.intoTurn(
        SESSION,
        waiting.map((row) => row.number),
        turn,
      );
    },
  };
}

test("a request has its row before it goes out, with an estimate, and the truth in it afterwards", () => {
  const { meter, out, rows, say, begin } = given();
  say("hello");
  begin(7);
  const id = out({ bytes: 3000, maxOutput: null });
  const [open] = rows();
  assert.deepEqual(
    [open?.status, open?.input, open?.output, open?.estimated, open?.turn, open?.person],
    [null, 1000, 4000, 1, 7, OWNER],
  );
  meter.ended(id, 200, told(20, 100));
  const [row] = rows();
  assert.deepEqual([row?.status, row?.input, row?.output, row?.estimated], [200, 100, 20, 0]);
  assert.equal(row?.cost, 100 * 5 + 20 * 25);
});

test("what a killed host let out stays counted by its estimate", () => {
  const { out, start, rows, budget, why } = given();
  out({ maxOutput: 4000, bytes: 3 });
  budget({ most: 4000 * 25 });
  const after = start();
  assert.equal(rows()[0]?.status, 0);
  assert.match(why({}, after), /is used up: \$0\.10/);
});

test("a request that failed costs nothing, one that was cut off costs what it told and wrote", () => {
  const { meter, out, rows } = given();
  meter.ended(out(), 502, null);
  meter.ended(out(), 200, told(1, 50, { final: false, written: 300 }));
  const [failed, cut] = rows();
  assert.deepEqual([failed?.cost, failed?.input, failed?.output], [0, 0, 0]);
  assert.deepEqual([cut?.cost, cut?.estimated], [50 * 5 + 100 * 25, 1]);
});

test("a model without a known price costs what nobody knows, and budgets count it by the most expensive", () => {
  const { meter, out, rows, budget, why } = given();
  budget({ most: 180 });
  meter.ended(out({ model: "unheard-of", maxOutput: 1 }), 200, told(1, 0, { model: "unheard-of" }));
  const [row] = rows();
  assert.deepEqual([row?.cost, row?.charged], [null, 180]);
  assert.match(why(), /models without a known price, counted by the most expensive/);
  meter.prices.set("unheard-*", { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 }, 0);
  assert.deepEqual(meter.prices.charge("unheard-of", { ...NO_USE, output: 9 }, false), { cost: 0, charged: 0 });
});

test("who asks for a faster answer can't slip below a budget by it", () => {
  const { meter } = given();
  const { cost, charged } = meter.prices.charge(OPUS, { ...NO_USE, output: 100 }, true);
  assert.equal(cost, null);
  assert.ok(charged >= 6 * 100 * 25);
});

test("the practice model costs nothing, is shown, and no budget or detector stops it", () => {
  const { meter, out, rows, budget } = given();
  budget({ most: 1, unit: "tokens" });
  for (let count = 0; count < 300; count += 1) meter.ended(out({ billed: false }), 200, told(50, 50));
  const row = rows().at(-1);
  assert.deepEqual(
    [rows().length, row?.model, row?.cost, row?.charged_tokens, row?.output],
    [300, "practice", 0, 0, 50],
  );
});

test("at 80 % the person is told once, at the limit requests stop, and raising it lets them pass", () => {
  const { meter, out, outbox, budget, why } = given();
  budget({ scope: "agent", subject: AGENT });
  meter.ended(out(), 200, told(31_999));
  assert.deepEqual(outbox(), []);
  meter.ended(out(), 200, told(1));
  meter.ended(out(), 200, told(4000));
  assert.equal(outbox().length, 1);
  assert.match(outbox()[0] ?? "", /\$1\.00 a day for the agent "main" is used up to 80 %/);
  meter.ended(out(), 200, told(4000));
  assert.match(
    why(),
    /NanoClaw's own limit: the budget of \$1\.00 a day for the agent "main" is used up: \$1\.00 so far\. It starts anew on 1970-01-02 00:00 \(UTC\)\. To go on now, raise it: `ncl budgets set --usd 2 --per day --group main`/,
  );
  budget({ scope: "agent", subject: AGENT, most: 2_000_000 });
  out();
});

test("a budget starts anew with the person's day, and what was used before does not count", () => {
  const { meter, out, clock, store, budget, why } = given();
  store.users.put({ id: OWNER, name: "Owner", timeZone: "Asia/Tokyo" }, 0);
  clock.jump(Date.parse("2026-06-01T14:00Z") - clock.now());
  budget();
  meter.ended(out(), 200, told(40_000));
  assert.match(why(), /starts anew on 2026-06-02 00:00 \(Asia\/Tokyo\)/);
  clock.jump(DAY / 24 - 1);
  why();
  clock.jump(1);
  out();
});

test("budgets for others do not count, those for this person, session and for all do", () => {
  const { meter, out, say, budget, why } = given();
  say("hello");
  for (const [scope, subject] of [
    ["agent", "a-2"],
    ["person", "test:other"],
    ["session", "s-2"],
  ] as const)
    budget({ id: `o-${scope}`, scope, subject, most: 1 });
  meter.ended(out(), 200, told(10));
  out();
  for (const [scope, subject, name] of [
    ["person", OWNER, "Owner"],
    ["session", SESSION, "the session s-1"],
    ["all", "", "all agents together"],
  ] as const) {
    budget({ id: "b-x", scope, subject, most: 1 });
    assert.match(why(), new RegExp(`for ${name} is used up`));
    meter.budgets.remove("b-x");
  }
});

test("the totals of all time count what was summed up by day", () => {
  const { meter, out, clock, store, budget, rows, why } = given();
  for (let count = 0; count < 3; count += 1) meter.ended(out(), 200, told(10_000, 1));
  meter.ended(out({ model: "unheard-of" }), 200, told(1, 1, { model: "unheard-of" }));
  const before = meter.ledger.closedSince(0, null);
  clock.jump(41 * DAY);
  meter.ended(out({ maxOutput: 1 }), 502, null);
  assert.equal(rows().length, 1);
  const after = meter.ledger.closedSince(0, null);
  assert.deepEqual({ ...after, requests: after.requests - 1 }, before);
  assert.equal(store.db.all("SELECT * FROM model_days").length, 2);
  assert.equal(meter.ledger.closedSince(clock.now() - DAY, null).charged, 0);
  budget({ per: "total", most: 700_000 });
  assert.match(why(), /in all for all agents together.*does not start anew/);
});

test("many at once pass a limit by no more than what was put aside too little", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.nat(300_000), output: fc.nat(4000), end: fc.boolean() }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 2_000_000 }),
      (requests, most) => {
        const { meter, budget } = given();
        budget({ most });
        const open: { id: number; output: number; input: number }[] = [];
        let largest = 0;
        let count = 0;
        for (const { bytes, output, end } of requests) {
          count += 1;
          const hash = count.toString(16).padStart(64, "0");
          const verdict = meter.ask({ ...HERE, id: `s-${count}` }, asking({ bytes, hash, maxOutput: null }));
          if (verdict.allow) {
            open.push({ id: verdict.id, output, input: Math.ceil(bytes / 3) });
            largest = Math.max(largest, Math.ceil(bytes / 3) * 5 + output * 25);
          }
          const next = end ? open.shift() : undefined;
          if (next) meter.ended(next.id, 200, told(next.output, next.input));
        }
        for (const { id, output, input } of open) meter.ended(id, 200, told(output, input));
        const { charged } = meter.ledger.closedSince(0, null);
        // Each used no more than it had put aside, so only one that ran alone can have passed it.
        assert.ok(charged < most + largest + 1, `${charged} of ${most}`);
      },
    ),
    { numRuns: 60 },
  );
});

test("an answer that is being written is cut off only where it passes the limit by far", () => {
  const { meter, out, budget } = given();
  budget({ most: 1_000_000 });
  meter.ended(out(), 200, told(38_000));
  const id = out();
  assert.equal(meter.goesOn(id, told(2000)), true);
  assert.equal(meter.goesOn(id, told(12_000)), true);
  assert.equal(meter.goesOn(id, told(12_001)), false);
});

test("an answer that can't be cut off puts aside all that it may become", () => {
  const { out, budget, why } = given();
  budget({ most: 1_000_000 });
  out({ streamed: false, maxOutput: 32_000 });
  assert.match(why({ streamed: false, maxOutput: 32_000 }), /is nearly used up, and requests under way/);
  out({ streamed: true, maxOutput: 32_000 });
});

test("in a small budget a usual answer is not cut off", () => {
  const { meter, out, budget } = given();
  budget({ most: 10 });
  const id = out();
  assert.equal(meter.goesOn(id, told(4000)), true);
  assert.equal(meter.goesOn(id, told(4001)), false);
});

test("what can't be written is not let out; what was let out stays counted", () => {
  const { meter, out, store, budget, why } = given();
  budget({ most: 100_000 });
  const id = out({ maxOutput: 4000 });
  store.db.exec("CREATE TRIGGER full BEFORE UPDATE ON model_requests BEGIN SELECT raise(ABORT, 'full'); END");
  store.db.exec("CREATE TRIGGER fuller BEFORE INSERT ON model_requests BEGIN SELECT raise(ABORT, 'full'); END");
  meter.ended(id, 200, told(1));
  budget({ most: 1_000_000 });
  assert.match(why(), /can't be counted, so it is not let out/);
  store.db.exec("DROP TRIGGER full; DROP TRIGGER fuller");
  budget({ most: 100_000 });
  assert.match(why(), /is nearly used up, and requests under way/);
});

test("a runaway is warned of, then stopped until the next turn; its owner is told", () => {
  const { meter, out, why, say, begin, outbox, store } = given();
  say("go");
  begin(1);
  for (let count = 1; count < 240; count += 1) meter.ended(out(), 200, told(1));
  assert.match(outbox().join(), /has asked the model 120 times within a minute/);
  assert.match(why(), /NanoClaw's own limit: what runs in the container has asked the model 240 times within a minute/);
  why();
  assert.equal(outbox().length, 1);
  store.inbox.endAll(SESSION, "done");
  store.turns.end(SESSION, 1, "error", 0, null, null);
  why();
  say("again");
  begin(3);
  out();
});

test("the very same again and again is stopped; a failed one may be tried again", () => {
  const { meter, out, why, say, begin } = given();
  say("go");
  begin(1);
  const hash = "f".repeat(64);
  for (let count = 0; count < 50; count += 1) meter.ended(out({ hash }), 529, null);
  for (let count = 1; count < 20; count += 1) meter.ended(out({ hash }), 200, told(1));
  assert.match(why({ hash }), /the very same for the 20th time/);
});

test("who asks while nobody has asked for anything is stopped and its container ended", () => {
  const { meter, out, why, say, dismissed, outbox } = given();
  for (let count = 1; count < 30; count += 1) meter.ended(out(), 200, told(1));
  why();
  assert.deepEqual(dismissed, [SESSION]);
  assert.match(outbox().join(), /30 times while nobody had asked for anything, so I have ended it/);
  // A message waits: its turn may begin before its first row is known.
  say("hello");
  out();
});

test("a task's requests are for its agent", () => {
  const { meter, out, store, rows, clock, session } = given();
  const task = { author: "person", userId: "task:t-1", userName: "x", text: "x" } as const;
  const at = clock.now();
  const event = store.inbox.addEvent({
    ...{ channel: session.channel, chat: session.chat, thread: null, platformId: "t", revision: 0, change: "said" },
    ...{ files: [], script: null, saidAt: at, receivedAt: at, ...task },
  });
  store.inbox.enqueue(SESSION, store.sessions.nextNumber(SESSION, at), event ?? 0, true);
  meter.ended(out(), 200, told(1));
  assert.equal(rows()[0]?.person, `agent:${AGENT}`);
});
