import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coolingTime, next, type SessionEvent, type StateName } from "./machine.ts";

const events: SessionEvent[] = [
  "work",
  "slot",
  "adopted",
  "connected",
  "turn_began",
  "turn_ended",
  "start_failed",
  "exited",
  "recovered",
  "timeout",
  "evict",
  "yield",
  "stop",
];

test("a message wakes a cold session, which answers, rests and ends", () => {
  const path: [SessionEvent, boolean, StateName][] = [
    ["work", true, "waiting"],
    ["slot", true, "starting"],
    ["connected", true, "ready"],
    ["turn_began", true, "busy"],
    ["turn_ended", false, "ready"],
    ["timeout", false, "resting"],
    ["timeout", false, "stopping"],
    ["exited", false, "recovering"],
    ["recovered", false, "cold"],
  ];
  let state: StateName = "cold";
  for (const [event, hasWork, expected] of path) {
    state = next(state, event, hasWork).state;
    assert.equal(state, expected, event);
  }
});

test("a container that dies with work left is started again after its recovery and a pause", () => {
  assert.deepEqual(next("busy", "exited", true), { state: "recovering", effects: ["release_slot"] });
  assert.equal(next("recovering", "recovered", true).state, "cooling");
  assert.deepEqual(next("cooling", "timeout", true), { state: "waiting", effects: ["ask_slot"] });
});

test("an idle container with work is never evicted", () => {
  assert.equal(next("ready", "evict", true).state, "ready");
  assert.equal(next("resting", "evict", false).state, "stopping");
});

test("a container with work gives its slot away between two turns, not within one", () => {
  assert.deepEqual(next("ready", "yield", true), { state: "stopping", effects: ["stop"] });
  assert.equal(next("busy", "yield", true).state, "busy");
});

test("a container that is found while its session waits for one is taken, wherever that stands", () => {
  assert.deepEqual(next("waiting", "adopted", true), { state: "starting", effects: ["leave_queue"] });
  assert.equal(next("cooling", "adopted", true).state, "starting");
});

test("a start whose answer was lost ends even what its runner has begun", () => {
  for (const state of ["ready", "busy"] as const) assert.equal(next(state, "start_failed", true).state, "recovering");
});

test("in any order of events: one start per slot, and each slot is given back once", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...events), fc.boolean()), { maxLength: 200 }), (sequence) => {
      let state: StateName = "cold";
      let slots = 0;
      for (const [event, hasWork] of sequence) {
        // A slot comes only to who waits for one, and only one at a time; an exit needs a container.
        if (event === "slot" && state !== "waiting") continue;
        if (event === "slot") slots += 1;
        if (event === "adopted" && ["cold", "waiting", "cooling"].includes(state)) slots += 1;
        const step = next(state, event, hasWork);
        if (step.effects.includes("start")) assert.equal(state, "waiting");
        if (step.effects.includes("release_slot")) slots -= 1;
        assert.ok(slots === 0 || slots === 1, `${slots} slots after ${event} in ${state}`);
        state = step.state;
      }
    }),
  );
});

test("every state is reached, and every one can be left", () => {
  const reached = new Map<StateName, Set<StateName>>([["cold", new Set()]]);
  for (const [state, onward] of reached) {
    for (const event of events) {
      for (const hasWork of [true, false]) {
        const to = next(state, event, hasWork).state;
        if (to !== state) onward.add(to);
        if (!reached.has(to)) reached.set(to, new Set());
      }
    }
    assert.notEqual(onward.size, 0, `nothing leads out of ${state}`);
  }
  const all: Record<StateName, true> = {
    ...{ cold: true, waiting: true, starting: true, ready: true, busy: true, resting: true },
    ...{ stopping: true, recovering: true, cooling: true },
  };
  assert.deepEqual([...reached.keys()].sort(), Object.keys(all).sort());
});

/** What comes by itself, without a word from the runner or a person: timers, and the ends of what the host began. */
const byItself = (state: StateName): SessionEvent => {
  if (state === "waiting") return "slot";
  if (state === "stopping") return "exited";
  return state === "recovering" ? "recovered" : "timeout";
};

test("property: from wherever a session is, with a runner that says nothing more, it comes to rest or starts afresh", () => {
  const sequence = fc.array(fc.tuple(fc.constantFrom(...events), fc.boolean()), { maxLength: 30 });
  fc.assert(
    fc.property(sequence, fc.boolean(), (before, hasWork) => {
      let state = before.reduce<StateName>((now, [event, work]) => next(now, event, work).state, "cold");
      const path = [state];
      // A warm runner with work is left to begin: it looks by itself, and admission takes its slot away where others wait.
      const settled = () => (hasWork ? path.includes("waiting") || state === "ready" : state === "cold");
      if (state === "cold" && hasWork) state = next(state, "work", hasWork).state;
      for (let steps = 0; steps < 12 && !settled(); steps++) {
        state = next(state, byItself(state), hasWork).state;
        path.push(state);
      }
      assert.ok(settled() || (hasWork && state === "resting"), path.join(" -> "));
    }),
  );
});

test("pauses between starts grow to a minute", () => {
  assert.equal(coolingTime(0), 0);
  assert.ok(coolingTime(2) > coolingTime(1));
  assert.equal(coolingTime(50), 60_000);
});
