/** Schedules as people write them: checked once, here, with words that say what is right. */

import type { Schedule } from "./timetable.ts";
import { timetable } from "./timetable.ts";
import { Zone } from "./zone.ts";

/** It is no schedule: what is wrong with it, and what would be right. */
export class NoSchedule extends Error {
  override readonly name = "NoSchedule";
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Shortest time between two runs, milliseconds. */
const SHORTEST = 10_000;
const LONGEST = 366 * 86_400_000;
/** How many of a pattern's times are looked at for such a gap. */
const SAMPLE = 60;

const CRON_HELP = "Use five fields (minute hour day month weekday), such as `0 9 * * 1-5`, or six with seconds first.";
const EVERY_HELP = "Use a number with s, m, h or d, from 10s to 366d, such as `15m` or `1h 30m`.";
const AT_HELP = "Use `2030-12-24 18:00` for the local time, `2030-12-24T18:00:00+01:00`, or `in 20m`.";

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface WantedSchedule {
  cron?: string | undefined;
  every?: string | undefined;
  at?: string | undefined;
}

/** @throws NoSchedule where it can't be, is not exactly one schedule, comes too often or never comes */
export function parseSchedule({ cron, every, at }: WantedSchedule, timeZone: string, now: number): Schedule {
  const zone = zoneOf(timeZone);
  if ([cron, every, at].filter((one) => one !== undefined).length !== 1) {
    throw new NoSchedule("a task needs exactly one schedule", "Give one of cron, every and at.");
  }
  if (cron !== undefined) return cronSchedule(cron.trim().replace(/\s+/g, " "), timeZone, now);
  if (every !== undefined) return { kind: "every", ms: duration(every), anchor: now };
  const [, span] = /^in\s+(.+)$/is.exec(at?.trim() ?? "") ?? [];
  const moment = span === undefined ? momentOf(at ?? "", zone) : now + duration(span);
  if (moment <= now) throw new NoSchedule(`${at} has passed`, "Give a time to come; `ncl tasks run` runs a task now.");
  return { kind: "once", at: moment };
}

/** A schedule in the words that make it. */
export function scheduleText(schedule: Schedule, timeZone: string): string {
  switch (schedule.kind) {
    case "cron":
      return schedule.pattern;
    case "once":
      return `at ${localTime(schedule.at, timeZone)}`;
    case "every": {
      const [unit, ms] = Object.entries(UNITS).findLast(([, size]) => schedule.ms % size === 0) ?? ["s", 1000];
      return `every ${schedule.ms / ms}${unit}`;
    }
  }
}

/** "2026-10-25 02:30", with seconds where it has some. */
export function localTime(at: number, timeZone: string): string {
  const [text = ""] = new Date(new Zone(timeZone).wall(at))
    .toISOString()
    .replace("T", " ")
    .split(/(?::00)?\.\d+Z/);
  return text;
}

function zoneOf(timeZone: string): Zone {
  try {
    return new Zone(timeZone);
  } catch {
    throw new NoSchedule(`there is no time zone "${timeZone}"`, "Use an IANA name such as Europe/Berlin.");
  }
}

function cronSchedule(pattern: string, timeZone: string, now: number): Schedule {
  const fields = pattern.split(" ").length;
  if (fields !== 5 && fields !== 6) throw new NoSchedule(`"${pattern}" has ${fields} fields`, CRON_HELP);
  const schedule: Schedule = { kind: "cron", pattern };
  let next: ReturnType<typeof timetable>;
  try {
    next = timetable(schedule, timeZone);
  } catch (error) {
    throw new NoSchedule(
      `"${pattern}" is no cron pattern: ${String(error instanceof Error ? error.message : error).replace(/^CronPattern: /, "")}`,
      CRON_HELP,
    );
  }
  let last = next(now);
  if (last === null) throw new NoSchedule(`"${pattern}" never comes`, "Name a day that exists.");
  for (let seen = 1; seen < SAMPLE; seen++) {
    const at = next(last);
    if (at === null) break;
    if (at - last < SHORTEST)
      throw new NoSchedule(`"${pattern}" comes too often`, "Leave at least 10 s between two runs.");
    last = at;
  }
  return schedule;
}

function duration(text: string): number {
  const words = text.trim().replace(/^every\s+/i, "");
  if (!/^(\d{1,9}\s*[smhd]\s*)+$/i.test(words)) throw new NoSchedule(`"${text}" is no interval`, EVERY_HELP);
  let ms = 0;
  for (const [, count, unit = ""] of words.matchAll(/(\d+)\s*([smhd])/gi)) {
    ms += Number(count) * (UNITS[unit.toLowerCase()] ?? 0);
  }
  if (ms < SHORTEST) throw new NoSchedule(`an interval of ${text} is too short`, EVERY_HELP);
  if (ms > LONGEST) throw new NoSchedule(`an interval of ${text} is too long`, EVERY_HELP);
  return ms;
}

/** A local time that clocks jump over is the moment of the jump; of one that comes twice, the first. */
function momentOf(text: string, zone: Zone): number {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)?$/i.exec(text.trim());
  const [, date, time, , offset] = match ?? [];
  const wall = Date.parse(`${date}T${time}Z`);
  // A date such as 30 February is rolled over by some parsers: what comes out must be what went in.
  if (!match || Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(`${date}T${time}`)) {
    throw new NoSchedule(`"${text}" is no time`, AT_HELP);
  }
  const moment = offset ? Date.parse(`${date}T${time}${offset}`) : zone.moment(wall);
  if (Number.isNaN(moment)) throw new NoSchedule(`"${text}" is no time`, AT_HELP);
  return moment;
}
