import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoff, MAX_TRIES } from "./backoff.ts";

test("a pause is a whole number of milliseconds, as the database stores it, and never shorter than the platform asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: MAX_TRIES }),
      fc.option(fc.integer({ min: 0, max: 10 ** 7 })),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (tries, after, fraction) => {
        const pause = backoff(tries, after, fraction);
        assert.ok(Number.isInteger(pause) && pause >= 500 && pause >= (after ?? 0));
        assert.ok(pause <= Math.max(5 * 60_000, after ?? 0));
      },
    ),
  );
});
