/** Days and months as a time zone's wall clock has them. Pure; moments in milliseconds since the epoch. */
import { Zone } from "../../packages/calendar/zone.ts";

export type Per = "day" | "month" | "total";

/** `to` is when the next one begins; null for one without an end. */
export interface Period {
  from: number;
  to: number | null;
}

const DAY = 86_400_000;

/** The day or month that holds a moment; `total` is all of time. */
export function periodOf(per: Per, now: number, timeZone: string): Period {
  if (per === "total") return { from: 0, to: null };
  const zone = new Zone(timeZone);
  const wall = new Date(zone.wall(now));
  const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()];
  const begins = (offset: number) =>
    zone.moment(per === "day" ? Date.UTC(year, month, day + offset) : Date.UTC(year, month + offset, 1));
  return { from: begins(0), to: begins(1) };
}

/** "2026-11-30": the date of a moment. @param daysBefore of that day */
export function dayOf(at: number, timeZone: string, daysBefore = 0): string {
  return new Date(new Zone(timeZone).wall(at) - daysBefore * DAY).toISOString().slice(0, 10);
}

/** Names the day of a moment, remembering the last one: asking a time zone costs more than a request shall. */
export class Days {
  #last = { timeZone: "", from: 0, to: 0, name: "" };

  name(at: number, timeZone: string): string {
    const known = this.#last;
    if (timeZone === known.timeZone && at >= known.from && at < known.to) return known.name;
    const { from, to } = periodOf("day", at, timeZone);
    this.#last = { timeZone, from, to: to ?? from, name: dayOf(at, timeZone) };
    return this.#last.name;
  }
}
