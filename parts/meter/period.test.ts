import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Days, dayOf, periodOf } from "./period.ts";

const at = (text: string) => Date.parse(text);

test("a day is the wall clock's, also where a clock change makes it longer", () => {
  assert.deepEqual(periodOf("day", at("2026-10-25T12:00Z"), "Europe/Berlin"), {
    from: at("2026-10-24T22:00Z"),
    to: at("2026-10-25T23:00Z"),
  });
});

test("a month ends where the next begins, over the end of the year too", () => {
  assert.deepEqual(periodOf("month", at("2026-12-31T23:30Z"), "UTC"), {
    from: at("2026-12-01T00:00Z"),
    to: at("2027-01-01T00:00Z"),
  });
  assert.equal(periodOf("month", at("2026-12-31T23:30Z"), "Asia/Tokyo").from, at("2026-12-31T15:00Z"));
});

test("every moment lies in its period, and periods follow each other without a gap", () => {
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), zones, fc.constantFrom("day", "month"), (now, zone, per) => {
      const { from, to } = periodOf(per, now, zone);
      assert.ok(from <= now && to !== null && now < to);
      assert.equal(periodOf(per, to, zone).from, to);
    }),
    { numRuns: 300 },
  );
});

test("a day that is remembered is named as one that is asked for", () => {
  const days = new Days();
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "Pacific/Apia");
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4e8 }), zones), { maxLength: 20 }), (asked) => {
      for (const [now, zone] of asked) assert.equal(days.name(now, zone), dayOf(now, zone));
    }),
  );
});

test("a day has a name, and so have those before it", () => {
  assert.equal(dayOf(at("2026-03-01T00:30Z"), "America/New_York"), "2026-02-28");
  assert.equal(dayOf(at("2026-03-01T12:00Z"), "UTC", 6), "2026-02-23");
});
