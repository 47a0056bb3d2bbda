/** What becomes of a task: which of its missed times run, and how it stands after a run. Pure. */

import type { Timetable } from "../../packages/calendar/timetable.ts";
import type { MissedPolicy, Standing, Task } from "./tasks.ts";

/** A run that begins this much after its time is still on time: it covers a restart of the host and a clock that was set. */
const ON_TIME = 120_000;
/** Failed runs in a row after which a task is paused. */
export const MOST_FAILURES = 5;
/** Rest after the first failure, doubled with each further one, milliseconds. */
const FIRST_REST = 60_000;

export interface Choice {
  /** The time to run for now, or null. */
  run: number | null;
  /** Times that are given up, in order. */
  skipped: number[];
  /** Times that stay due. */
  later: number[];
}

/** @param due times that have passed and have no run, in order */
export function choose(policy: MissedPolicy, due: number[], now: number): Choice {
  const last = due.at(-1) ?? null;
  switch (policy) {
    case "all":
      return { run: due[0] ?? null, skipped: [], later: due.slice(1) };
    case "latest":
      return { run: last, skipped: due.slice(0, -1), later: [] };
    case "skip":
      return last !== null && now - last <= ON_TIME
        ? { run: last, skipped: due.slice(0, -1), later: [] }
        : { run: null, skipped: due, later: [] };
  }
}

export function afterSuccess({ state, nextAt }: Task): Standing {
  return { state: state === "active" && nextAt === null ? "done" : state, nextAt, failures: 0, note: "" };
}

/**
 * A failed task rests, longer each time; times that pass meanwhile are given up. What has only one time is tried again
 * after the rest. After MOST_FAILURES in a row it is paused.
 */
export function afterFailure(task: Task, next: Timetable, why: string, now: number): Standing {
  const failures = task.failures + 1;
  const note = `failed: ${why}`;
  if (task.state !== "active") return { state: task.state, nextAt: task.nextAt, failures, note };
  if (failures >= MOST_FAILURES) return { state: "paused", nextAt: null, failures, note };
  const rested = now + FIRST_REST * 2 ** (failures - 1);
  if (task.nextAt !== null && task.nextAt >= rested) return { state: "active", nextAt: task.nextAt, failures, note };
  return { state: "active", nextAt: next(rested - 1) ?? rested, failures, note };
}

/** Where a task stands whose clock was set back: not further ahead than its schedule. A rest after a failure stays. */
export function realigned(task: Task, next: Timetable, now: number): Standing | null {
  const at = next(now);
  if (task.nextAt === null || at === null || task.failures > 0 || at >= task.nextAt) return null;
  return { state: task.state, nextAt: at, failures: task.failures, note: task.note };
}
