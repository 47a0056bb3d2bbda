/** A moment as a person says it: "2h" ago, or a date with or without a time. */
import { Misuse } from "../../src/lib/errors.ts";

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @returns milliseconds since the epoch. @throws Misuse where it is no moment */
export function momentOf(text: string, now: number): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit) return now - Number(count) * (UNITS[unit] ?? 0);
  // A date alone would be taken for midnight in UTC; it is meant as midnight here.
  const at = /^\d{4}-\d\d-\d\d$/.test(text)
    ? Date.parse(`${text}T00:00`)
    : /^\d{4}-/.test(text)
      ? Date.parse(text)
      : NaN;
  if (!Number.isNaN(at)) return at;
  throw new Misuse(
    `"${text}" is no moment`,
    'Say how long ago, such as "2h" or "3d", or a date such as 2030-05-01 or 2030-05-01T08:30.',
  );
}
