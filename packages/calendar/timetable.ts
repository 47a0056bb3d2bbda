/**
 * When a schedule is due. Pure. Local times obey three rules when clocks change (docs/tasks.md): a time that is jumped
 * over is made up for at the jump, a time that comes twice counts the first time, and what happens in every hour
 * happens in every hour that really passes. Intervals are elapsed time and know no clocks.
 */
import { Cron } from "croner";
import { Zone } from "./zone.ts";

/** Times in milliseconds since the epoch. */
export type Schedule =
  /** Five fields, or six with seconds first, in a time zone. */
  | { kind: "cron"; pattern: string }
  /** Whole multiples of `ms` after `anchor`. */
  | { kind: "every"; ms: number; anchor: number }
  | { kind: "once"; at: number };

/** The first time after `after`, milliseconds since the epoch; null when none comes. */
export type Timetable = (after: number) => number | null;

/** @throws for a pattern or a time zone that doesn't exist */
export function timetable(schedule: Schedule, timeZone: string): Timetable {
  switch (schedule.kind) {
    case "once":
      return (after) => (schedule.at > after ? schedule.at : null);
    case "every":
      return (after) => {
        const passed = Math.floor((after - schedule.anchor) / schedule.ms);
        return schedule.anchor + (passed + 1) * schedule.ms;
      };
    case "cron":
      return cronTable(schedule.pattern, new Zone(timeZone));
  }
}

export function nextRun(schedule: Schedule, after: number, timeZone: string): number | null {
  return timetable(schedule, timeZone)(after);
}

function cronTable(pattern: string, zone: Zone): Timetable {
  // In UTC: the library counts in wall times, and the shifts of the zone are dealt with here.
  const cron = new Cron(pattern, { timezone: "UTC" });
  const next = (wall: number) => cron.nextRun(new Date(wall))?.getTime() ?? null;
  return inEveryHour(pattern) ? hourlyTable(next, zone) : dailyTable(next, zone);
}

const inEveryHour = (pattern: string) => /^(\*|\*\/1|0-23)$/.test(pattern.trim().split(/\s+/).at(-4) ?? "");

/** Named hours: each wall time once. Wall times never go back in the order of their moments, so one walk finds the next. */
function dailyTable(next: (wall: number) => number | null, zone: Zone): Timetable {
  return (after) => {
    for (let wall = next(zone.wall(after)); wall !== null; wall = next(wall)) {
      const at = zone.moment(wall);
      if (at > after) return at;
    }
    return null;
  };
}

/** Every hour: each moment whose wall time fits. Looks from one shift to the next, for between them the offset is fixed. */
function hourlyTable(next: (wall: number) => number | null, zone: Zone): Timetable {
  return (after) => {
    let from = after + 1;
    for (;;) {
      const offset = zone.offset(from);
      const wall = next(from + offset - 1);
      if (wall === null) return null;
      const shift = zone.shift(from, wall - offset);
      if (shift === null) return wall - offset;
      from = shift;
    }
  };
}

/** Where to begin to look for the latest of many missed times: this far back, then four times as far. */
const FIRST_WINDOW = 60_000;

/**
 * What fell due from `from`, which counts as due itself, up to `until`. Its cost is bound by `most`, not by how long
 * that was.
 * @returns the latest `most` of them, in order, and whether there were more before
 */
export function missedRuns(
  next: Timetable,
  from: number,
  until: number,
  most: number,
): { runs: number[]; more: boolean } {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const whole = from >= until - window;
    const runs = whole ? [from] : [];
    for (let at = next(whole ? from : until - window); at !== null && at <= until; at = next(at)) runs.push(at);
    if (whole || runs.length >= most) return { runs: runs.slice(-most), more: !whole || runs.length > most };
  }
}
