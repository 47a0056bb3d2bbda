import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditEntry } from "../../src/audit/audit.ts";
import { world } from "../../test/support/world.ts";
import { type Filter, question, Records } from "./query.ts";
import { traceOf } from "./trace.ts";
import { inWords } from "./words.ts";

function given() {
  const { store, audit, clock } = world();
  const records = new Records(store.db);
  const add = (entry: Partial<AuditEntry>) =>
    audit.append({ actor: "system", verb: "test", resource: "x", decision: "fact", ...entry });
  const found = (filter: Filter, limit = 50) => records.latest(filter, limit).map(({ seq }) => seq);
  const traced = (seq: number, most = 100) => {
    const { steps, more } = traceOf(records, records.one(seq) ?? assert.fail(), most);
    return { steps: steps.map(({ record, depth }) => [record.seq, depth]), more };
  };
  return { store, audit, clock, records, add, found, traced };
}

test("records are found by each of their fields, the latest of them, oldest first", () => {
  const { add, found, clock } = given();
  add({ actor: "ann" });
  clock.advance(1000);
  add({ actor: "bo", verb: "b", resource: "r" });
  add({ decision: "deny", detail: { why: "no" } });
  clock.advance(1000);
  add({ session: "s-1", turn: 1 });
  add({ session: "s-1", turn: 2, decision: "allow" });
  assert.deepEqual(found({}), [1, 2, 3, 4, 5]);
  assert.deepEqual(found({}, 2), [4, 5]);
  assert.deepEqual(found({ after: 3 }), [4, 5]);
  assert.deepEqual(found({ actor: "ann" }), [1]);
  assert.deepEqual(found({ verb: "b" }), [2]);
  assert.deepEqual(found({ resource: "r" }), [2]);
  assert.deepEqual(found({ decision: "deny" }), [3]);
  assert.deepEqual(found({ decision: "allow" }), [5]);
  assert.deepEqual(found({ session: "s-1" }), [4, 5]);
  assert.deepEqual(found({ session: "s-1", turn: 2, actor: "system", decision: "allow" }), [5]);
  const at = clock.now();
  assert.deepEqual(found({ since: at }), [4, 5]);
  assert.deepEqual(found({ until: at - 1 }), [1, 2, 3]);
  assert.deepEqual(found({ since: at - 1000, until: at - 1, decision: "deny" }), [3]);
});

test("after the clock was set back, what is asked for by time comes by time", () => {
  const { add, found, clock } = given();
  add({});
  const at = clock.now();
  clock.jump(-10_000);
  add({});
  clock.jump(20_000);
  add({});
  assert.deepEqual(found({ until: at }), [2, 1]);
  assert.deepEqual(found({ since: at - 10_000 }), [2, 1, 3]);
});

for (const filter of [
  { actor: "x" },
  { verb: "x" },
  { resource: "x" },
  { decision: "deny" },
  { session: "x" },
  { session: "x", turn: 1 },
  { since: 1 },
  { until: 1 },
  { actor: "x", verb: "x" },
  { session: "x", turn: 1, decision: "deny", after: 5 },
] as Filter[]) {
  test(`${Object.keys(filter).join(" and ")}: answered from an index, without sorting`, () => {
    const { store } = given();
    const { sql, values } = question(filter);
    const plan = store.db
      .all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values, 50)
      .map(({ detail }) => detail)
      .join("; ");
    assert.match(plan, /USING INDEX|USING INTEGER PRIMARY KEY/);
    assert.doesNotMatch(plan, /TEMP B-TREE/);
  });
}

/** Two messages in one turn, a third fed to it; a tool, an agent's verb with its delivery, the answer. */
function conversation() {
  const g = given();
  const s = { session: "s-1" };
  const accept = (number: number) => g.add({ ...s, verb: "message.accept", decision: "allow", detail: { number } });
  const [one, two] = [accept(2), accept(4)];
  const turn = g.add({ ...s, turn: 1, verb: "turn.start", cause: two, detail: { messages: [2, 4] } });
  const tool = g.add({ ...s, turn: 1, verb: "tool.start", cause: turn, detail: { tool: "Bash" } });
  const toolEnd = g.add({ ...s, turn: 1, verb: "tool.end", cause: tool, detail: { ok: true } });
  const three = accept(6);
  const feed = g.add({ ...s, turn: 1, verb: "turn.feed", cause: three, detail: { messages: [6] } });
  const says = g.add({ ...s, turn: 1, verb: "messages.send", cause: turn, decision: "allow" });
  const sent = g.add({ ...s, turn: 1, verb: "message.send", cause: says, detail: { outbox: 1 } });
  const end = g.add({ ...s, turn: 1, verb: "turn.end", cause: turn, detail: { turn: 1, status: "done" } });
  return { ...g, one, two, turn, tool, toolEnd, three, feed, says, sent, end };
}

test("a delivery goes back to its message, a message goes on to its deliveries, also where it shared a turn", () => {
  const { traced, one, two, turn, tool, toolEnd, three, feed, says, sent, end } = conversation();
  assert.deepEqual(traced(sent).steps, [
    [two, 0],
    [turn, 1],
    [says, 2],
    [sent, 3],
  ]);
  const below = [
    [turn, 1],
    [tool, 2],
    [toolEnd, 3],
    [says, 2],
    [sent, 3],
    [end, 2],
  ];
  assert.deepEqual(traced(two).steps, [[two, 0], ...below]);
  assert.deepEqual(traced(one).steps, [[one, 0], ...below]);
  assert.deepEqual(traced(three).steps, [
    [three, 0],
    [feed, 1],
    [says, 2],
    [sent, 3],
    [end, 2],
  ]);
});

test("a long chain is cut and says so", () => {
  const { add, traced } = given();
  let cause: number | null = null;
  for (let i = 0; i < 300; i++) cause = add({ cause });
  assert.equal(traced(1, 100).steps.length, 100);
  assert.equal(traced(1, 100).more, true);
  assert.equal(traced(300, 400).steps.length, 300);
  assert.equal(traced(1, 400).more, false);
});

test("records are told in plain words, whatever is in them", () => {
  const { records, add } = conversation();
  const words = (seq: number) => inWords(records.one(seq) ?? assert.fail());
  assert.deepEqual([1, 3, 4, 5, 7, 9, 10].map(words), [
    "system said message 2 to s-1",
    "turn 1 began with messages 2, 4",
    "the agent began the tool Bash",
    "it ended well",
    "turn 1 took in message 6",
    "message 1 of the outbox was delivered to x",
    "turn 1 ended: done",
  ]);
  const refused = { decision: "deny", verb: "status", detail: { why: "it needs an owner", times: 7 } } as const;
  assert.equal(words(add(refused)), "system was refused status on x: it needs an owner, 7 times");
  assert.equal(
    words(add({ verb: "message.fail", detail: { outbox: 3, state: "dead" } })),
    "message 3 of the outbox was given up (dead)",
  );
  assert.equal(
    words(add({ verb: "request.post", detail: { status: 200, ms: 5 } })),
    "POST x was answered 200 after 5 ms",
  );
  for (const verb of ["constructor", "x", "turn.start", "audit.alarm", "request.begin", "request.get"])
    assert.ok(words(add({ verb })));
});
