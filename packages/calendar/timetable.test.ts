import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Schedule } from "./timetable.ts";
import { missedRuns, nextRun, timetable } from "./timetable.ts";
import { Zone } from "./zone.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Days around a change of clocks, or an ordinary one; `from` is UTC. */
const STRETCHES = [
  { zone: "Europe/Berlin", from: "2026-03-28T00:00Z" },
  { zone: "Europe/Berlin", from: "2026-10-24T00:00Z" },
  { zone: "America/New_York", from: "2026-03-07T00:00Z" },
  { zone: "America/New_York", from: "2026-10-31T00:00Z" },
  { zone: "Australia/Lord_Howe", from: "2026-10-02T12:00Z" },
  { zone: "Australia/Lord_Howe", from: "2026-04-03T12:00Z" },
  { zone: "America/Santiago", from: "2026-09-05T00:00Z" },
  { zone: "America/Santiago", from: "2026-04-03T12:00Z" },
  { zone: "Asia/Kathmandu", from: "2026-03-28T00:00Z" },
].map(({ zone, from }) => ({ zone, from: Date.parse(from), minutes: wallMinutes(zone, Date.parse(from)) }));

/** What the clock shows at each minute of three days, by a way of its own: a list to count on. */
function wallMinutes(zone: string, from: number): { at: number; wall: string }[] {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return Array.from({ length: (3 * DAY) / MINUTE }, (_, i) => ({
    at: from + i * MINUTE,
    wall: format.format(from + i * MINUTE),
  }));
}

const cron = (pattern: string): Schedule => ({ kind: "cron", pattern });

function runsBetween(schedule: Schedule, from: number, to: number, zone: string): number[] {
  const next = timetable(schedule, zone);
  const runs: number[] = [];
  for (let at = next(from - 1); at !== null && at < to; at = next(at)) runs.push(at);
  return runs;
}

const shown = (zone: string, at: number | null) =>
  at === null ? "never" : new Date(new Zone(zone).wall(at)).toISOString().slice(0, 16).replace("T", " ");

test("a time that is jumped over is made up for at the jump, once", () => {
  const from = Date.parse("2026-03-29T00:00Z");
  const daily = nextRun(cron("30 2 * * *"), from, "Europe/Berlin");
  assert.equal(shown("Europe/Berlin", daily), "2026-03-29 03:00");
  const many = runsBetween(cron("0,15,30 2,3 * * *"), from, from + DAY, "Europe/Berlin");
  assert.deepEqual(
    many.slice(0, 3).map((at) => shown("Europe/Berlin", at)),
    ["2026-03-29 03:00", "2026-03-29 03:15", "2026-03-29 03:30"],
  );
  const midnight = nextRun(cron("0 0 * * *"), Date.parse("2026-09-05T12:00Z"), "America/Santiago");
  assert.equal(shown("America/Santiago", midnight), "2026-09-06 01:00");
});

test("a time that comes twice counts the first time only", () => {
  const [first, second] = runsBetween(
    cron("30 2 * * *"),
    Date.parse("2026-10-24T22:00Z"),
    Date.parse("2026-10-26T22:00Z"),
    "Europe/Berlin",
  );
  assert.equal(first, Date.parse("2026-10-25T00:30Z"));
  assert.equal(second, Date.parse("2026-10-26T01:30Z"));
});

test("what runs in every hour runs in every hour that passes", () => {
  for (const day of ["2026-03-29", "2026-10-25"]) {
    const from = Date.parse(`${day}T00:10Z`);
    const runs = runsBetween(cron("*/20 * * * *"), from, from + 3 * HOUR, "Europe/Berlin");
    assert.deepEqual(
      runs.map((at) => (at - from) / MINUTE),
      [10, 30, 50, 70, 90, 110, 130, 150, 170],
    );
  }
});

test("two named times that the change puts at one moment are one run, and seconds are kept", () => {
  const from = Date.parse("2026-10-03T12:00Z");
  const runs = runsBetween(cron("15 5,10,15,30 2 * * *"), from, from + DAY, "Australia/Lord_Howe");
  assert.deepEqual(runs, [Date.parse("2026-10-03T15:30:00Z"), Date.parse("2026-10-03T15:30:15Z")]);
});

const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 4 });
const hours = fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 5 });

test("property: each named local time of each day runs exactly once, over every change of clocks", () => {
  fc.assert(
    fc.property(fc.constantFrom(...STRETCHES), minutes, hours, (stretch, minutes, hours) => {
      // Every local time that is named, and the first minute at which the clock shows it or more. Those of the first
      // and last day may lie outside of the list.
      const days = [...new Set(stretch.minutes.map(({ wall }) => wall.slice(0, 10)))].slice(1, -1);
      const begin = stretch.minutes.find(({ wall }) => wall.startsWith(days[0] ?? ""))?.at ?? 0;
      const end = stretch.minutes.findLast(({ wall }) => wall.startsWith(days.at(-1) ?? ""))?.at ?? 0;
      const expected = new Set<number>();
      for (const day of days) {
        for (const hour of hours) {
          for (const minute of minutes) {
            const wall = `${day} ${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
            const at = stretch.minutes.find((one) => one.wall >= wall)?.at;
            if (at !== undefined) expected.add(at);
          }
        }
      }
      const pattern = `${minutes.join(",")} ${hours.join(",")} * * *`;
      const runs = runsBetween(cron(pattern), begin, end + MINUTE, stretch.zone);
      assert.deepEqual(
        runs,
        [...expected].sort((a, b) => a - b),
      );
    }),
    { numRuns: 150 },
  );
});

test("property: with every hour, each minute whose local time fits is a run, and no other", () => {
  fc.assert(
    fc.property(fc.constantFrom(...STRETCHES), minutes, (stretch, minutes) => {
      const fits = stretch.minutes.filter(({ wall }) => minutes.includes(Number(wall.slice(14, 16))));
      const runs = runsBetween(
        cron(`${minutes.join(",")} * * * *`),
        stretch.from,
        stretch.from + 3 * DAY,
        stretch.zone,
      );
      assert.deepEqual(
        runs,
        fits.map(({ at }) => at),
      );
    }),
    { numRuns: 40 },
  );
});

test("property: wherever one looks from, the next run is the same: none is lost and none comes twice", () => {
  fc.assert(
    fc.property(fc.constantFrom(...STRETCHES), minutes, hours, fc.nat(3 * DAY), (stretch, minutes, hours, passed) => {
      for (const hour of ["*", hours.join(",")]) {
        const schedule = cron(`${minutes.join(",")} ${hour} * * *`);
        const after = stretch.from + passed;
        const runs = runsBetween(schedule, stretch.from, stretch.from + 5 * DAY, stretch.zone);
        assert.equal(nextRun(schedule, after, stretch.zone), runs.find((at) => at > after) ?? null);
      }
    }),
    { numRuns: 30 },
  );
});

test("property: intervals are elapsed time, whatever the clocks do", () => {
  const spans = fc.integer({ min: 10_000, max: DAY });
  fc.assert(
    fc.property(fc.constantFrom(...STRETCHES), spans, fc.nat(3 * DAY), (stretch, ms, passed) => {
      const schedule: Schedule = { kind: "every", ms, anchor: stretch.from };
      const at = nextRun(schedule, stretch.from + passed, stretch.zone) ?? 0;
      assert.ok(at > stretch.from + passed && at <= stretch.from + passed + ms);
      assert.equal((at - stretch.from) % ms, 0);
    }),
  );
});

test("property: with any pattern, in any zone, every next time lies ahead and no two are the same", () => {
  const field = (min: number, max: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map((all) => all.join(",")),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map((ends) => `${Math.min(...ends)}-${Math.max(...ends)}`),
      fc.integer({ min: 1, max: Math.max(1, max >> 1) }).map((step) => `*/${step}`),
    );
  const six = fc
    .tuple(
      field(0, 59),
      field(0, 59),
      field(0, 23),
      field(1, 28),
      field(1, 12),
      fc.oneof(fc.constant("*"), field(0, 6)),
    )
    .map((fields) => fields.join(" "));
  // By half an hour, by two hours, twice a year around Ramadan, a whole day left out, and none at all.
  const moments = fc.constantFrom(
    ...["Australia/Lord_Howe 2026-10-03T15:00Z", "Australia/Lord_Howe 2026-04-04T14:30Z"],
    ...[
      "Antarctica/Troll 2026-03-29T00:30Z",
      "Antarctica/Troll 2026-10-25T00:30Z",
      "Africa/Casablanca 2026-02-15T01:30Z",
    ],
    ...["Africa/Casablanca 2026-03-22T01:30Z", "Pacific/Apia 2011-12-30T09:00Z", "Asia/Kolkata 2026-03-29T00:30Z"],
    ...["Europe/London 2026-03-29T00:30Z", "America/New_York 2026-11-01T05:30Z"],
  );
  fc.assert(
    fc.property(six, moments, fc.integer({ min: -2 * HOUR, max: 2 * HOUR }), (pattern, moment, shift) => {
      const [zone = "", from = ""] = moment.split(" ");
      const next = timetable(cron(pattern), zone);
      for (let [after, count] = [Date.parse(from) + shift, 0]; count < 20; count++) {
        const at = next(after);
        if (at === null) return;
        assert.ok(at > after, `${new Date(at).toISOString()} after ${new Date(after).toISOString()}`);
        assert.equal(next(at - 1), at, "what is looked for from just before it is found");
        after = at;
      }
    }),
    { numRuns: 150 },
  );
});

test("a time that never comes has no next run, and what comes once has none after it", () => {
  assert.equal(nextRun(cron("0 0 30 2 *"), 0, "UTC"), null);
  assert.equal(nextRun({ kind: "once", at: 1000 }, 999, "UTC"), 1000);
  assert.equal(nextRun({ kind: "once", at: 1000 }, 1000, "UTC"), null);
});

test("property: of what was missed the latest are found, however long it was", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: HOUR }),
      fc.nat(10 * DAY),
      fc.integer({ min: 1, max: 30 }),
      (ms, passed, most) => {
        const next = timetable({ kind: "every", ms, anchor: 0 }, "UTC");
        const { runs, more } = missedRuns(next, ms, ms + passed, most);
        const count = Math.floor(passed / ms) + 1;
        assert.deepEqual(runs, Array.from({ length: count }, (_, i) => (i + 1) * ms).slice(-most));
        assert.equal(more, count > most);
      },
    ),
  );
});

test("what was due counts as missed even where it is not on the schedule, and a year is looked through at once", () => {
  const once = timetable({ kind: "once", at: 5 }, "UTC");
  assert.deepEqual(missedRuns(once, 70_000, 80_000, 20), { runs: [70_000], more: false });
  const often = timetable(cron("*/10 * * * * *"), "Europe/Berlin");
  const before = process.threadCpuUsage();
  const { runs, more } = missedRuns(often, 0, 365 * DAY, 20);
  assert.equal(runs.length, 20);
  assert.ok(more);
  assert.ok(process.threadCpuUsage(before).user < 500_000, "microseconds on a core");
});
