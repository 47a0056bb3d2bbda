import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { timetable } from "../../packages/calendar/timetable.ts";
import { AGENT } from "../../test/support/world.ts";
import { afterFailure, afterSuccess, choose, MOST_FAILURES, realigned } from "./fate.ts";
import type { Task } from "./tasks.ts";

const HOUR = 3_600_000;
const hourly = { kind: "every", ms: HOUR, anchor: 0 } as const;
const table = timetable(hourly, "UTC");
const never = () => null;

const task = (change: Partial<Task> = {}): Task => ({
  ...{
    id: "t",
    agentGroup: AGENT,
    session: "chat",
    name: "n",
    prompt: "p",
    script: null,
    timeZone: "UTC",
    missed: "latest",
  },
  ...{ state: "active", nextAt: 10 * HOUR, failures: 0, note: "", createdAt: 0, schedule: hourly },
  address: { channel: "test", chat: "room", thread: null },
  ...change,
});

test("of the times that were missed, each policy takes its own", () => {
  const due = [1 * HOUR, 2 * HOUR, 3 * HOUR];
  const late = 3 * HOUR + 600_000;
  assert.deepEqual(choose("skip", due, late), { run: null, skipped: due, later: [] });
  assert.deepEqual(choose("skip", due, 3 * HOUR + 100), { run: 3 * HOUR, skipped: due.slice(0, 2), later: [] });
  assert.deepEqual(choose("latest", due, late), { run: 3 * HOUR, skipped: due.slice(0, 2), later: [] });
  assert.deepEqual(choose("all", due, late), { run: 1 * HOUR, skipped: [], later: due.slice(1) });
});

test("property: every time that was due is run, given up or still due, and only one is run at once", () => {
  const times = fc.uniqueArray(fc.nat(10_000_000), { maxLength: 30 }).map((all) => all.sort((a, b) => a - b));
  const policies = fc.constantFrom("skip" as const, "latest" as const, "all" as const);
  fc.assert(
    fc.property(policies, times, fc.nat(1_000_000), (policy, due, late) => {
      const { run, skipped, later } = choose(policy, due, (due.at(-1) ?? 0) + late);
      const all = [...skipped, ...(run === null ? [] : [run]), ...later];
      assert.deepEqual(
        all.sort((a, b) => a - b),
        due,
      );
    }),
  );
});

test("a success forgets the failures, and ends a task that has no more times", () => {
  assert.deepEqual(afterSuccess(task({ failures: 3, note: "failed" })), {
    ...{ state: "active", nextAt: 10 * HOUR, failures: 0, note: "" },
  });
  assert.equal(afterSuccess(task({ nextAt: null })).state, "done");
  assert.equal(afterSuccess(task({ nextAt: null, state: "paused" })).state, "paused");
});

test("the rest after a failure doubles, and the fifth in a row pauses the task", () => {
  const seconds = timetable({ kind: "every", ms: 10_000, anchor: 0 }, "UTC");
  const rests: (number | null)[] = [];
  let one = task({ nextAt: 10_000 });
  while (one.state === "active") {
    one = { ...one, ...afterFailure({ ...one, nextAt: 10_000 }, seconds, "broken", 0) };
    rests.push(one.nextAt);
  }
  assert.deepEqual(rests, [60_000, 120_000, 240_000, 480_000, null]);
  assert.equal(one.failures, MOST_FAILURES);
  assert.equal(one.state, "paused");
});

test("a rest does not move a time that lies after it; what has one time only is tried again after the rest", () => {
  assert.equal(afterFailure(task(), table, "x", 9 * HOUR).nextAt, 10 * HOUR);
  assert.equal(afterFailure(task({ nextAt: null }), never, "x", 9 * HOUR).nextAt, 9 * HOUR + 60_000);
});

test("a failure of a paused task that was run by hand leaves it paused", () => {
  const { state, nextAt, failures } = afterFailure(task({ state: "paused", nextAt: null }), table, "x", 0);
  assert.deepEqual({ state, nextAt, failures }, { state: "paused", nextAt: null, failures: 1 });
});

test("a task that waits for a time beyond its schedule is taken back to it, unless it rests", () => {
  assert.equal(realigned(task({ nextAt: 500 * HOUR }), table, 100)?.nextAt, HOUR);
  assert.equal(realigned(task({ nextAt: HOUR }), table, 100), null);
  assert.equal(realigned(task({ nextAt: 500 * HOUR, failures: 1 }), table, 100), null);
  assert.equal(realigned(task({ nextAt: 500 * HOUR }), never, 100), null);
});
