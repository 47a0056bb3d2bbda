/**
 * A time zone's wall clock, both ways. A wall time is written as milliseconds, as if it had been read in UTC: a number
 * that can be compared and counted on, while the zone's shifts stay in here.
 */

/** Offsets from UTC lie within a day, so the offsets in force before and after a wall time are found this far from it. */
const DAY = 86_400_000;

export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** @param name IANA name. @throws RangeError where there is no such zone */
  constructor(name: string) {
    const date = { year: "numeric", month: "numeric", day: "numeric" } as const;
    const time = { hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;
    this.#format = new Intl.DateTimeFormat("en-US", { ...date, ...time, timeZone: name });
  }

  /** What the wall clock shows at a moment. */
  wall(at: number): number {
    const [month = 1, day = 1, year = 1970, ...time] = (this.#format.format(at).match(/\d+/g) ?? []).map(Number);
    const [hour = 0, minute = 0, second = 0] = time;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (at - Math.floor(at / 1000) * 1000);
  }

  /** Wall time minus UTC, in milliseconds. */
  offset(at: number): number {
    return this.wall(at) - at;
  }

  /**
   * The moment at which the wall clock shows `wall`: the first of two where it is turned back over it, and the moment of
   * the jump where it is turned on over it.
   */
  moment(wall: number): number {
    const before = this.offset(wall - DAY);
    const after = this.offset(wall + DAY);
    const [first, second] = [wall - Math.max(before, after), wall - Math.min(before, after)];
    if (this.wall(first) === wall) return first;
    if (this.wall(second) === wall) return second;
    return this.shift(first, second) ?? second;
  }

  /** The first moment in (`from`, `to`] with another offset than at `from`; null where both ends have the same. */
  shift(from: number, to: number): number | null {
    const offset = this.offset(from);
    if (this.offset(to) === offset) return null;
    let [low, high] = [from, to];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offset(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }
}
