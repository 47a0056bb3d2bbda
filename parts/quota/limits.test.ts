import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Found, isDue, judge, type Size, type Watched } from "./limits.ts";

const LIMIT: Size = { bytes: 1600e6, files: 16_000 };
const found = (bytes: number, files = 10, hidden = 0): Found => ({ bytes, files, hidden });

test("what is within its limit has room, and what it may grow by is known", () => {
  assert.deepEqual(judge(LIMIT, found(600e6, 1000), null), { state: "room", left: { bytes: 1000e6, files: 15_000 } });
  assert.equal(judge(LIMIT, found(LIMIT.bytes, LIMIT.files), null).state, "room");
});

test("what is found above its limit is stopped, and may grow by a sixteenth of it while it is cleared up", () => {
  const over = judge(LIMIT, found(2000e6), null);
  assert.deepEqual(over, { state: "over", reached: "bytes", most: { bytes: 2100e6, files: 17_000 } });
  assert.equal(judge(LIMIT, found(1, 16_001), null).state, "over");
});

test("clearing up goes on as long as it does not grow, and ends below the limit", () => {
  const most = { bytes: 2100e6, files: 17_000 };
  const less = judge(LIMIT, found(1900e6), most);
  assert.deepEqual(less.state === "clearing" && less.left.bytes, 200e6);
  assert.equal(judge(LIMIT, found(2100e6 + 1), most).state, "full");
  assert.equal(judge(LIMIT, found(1, 17_001), most).state, "full");
  assert.equal(judge(LIMIT, found(1500e6), most).state, "room");
});

test("what can't be looked into is above its limit, and full if it stays so", () => {
  assert.equal(judge(LIMIT, found(1, 1, 1), null).state, "over");
  assert.equal(judge(LIMIT, found(1, 1, 1), { bytes: 2100e6, files: 17_000 }).state, "full");
});

test("however it goes on, an agent that is never cleared up can't run above the limit and a sixteenth more than it was found with", () => {
  const sizes = fc.array(fc.nat(4000e6), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sizes, (looks) => {
      let most: Size | null = null;
      let first = 0;
      for (const bytes of looks) {
        const verdict = judge(LIMIT, found(bytes), most);
        if (most === null) first = bytes;
        most = verdict.state === "room" ? null : verdict.most;
        if (verdict.state === "clearing") assert.ok(bytes <= first + LIMIT.bytes / 16);
        if (verdict.state === "room") assert.ok(bytes <= LIMIT.bytes);
      }
    }),
  );
});

const free: Size = { bytes: 50e9, files: 1e6 };
const watched = (more: Partial<Watched> = {}): Watched => ({ since: 0, free, left: LIMIT, ...more });
const less = (bytes: number, files = 0): Size => ({ bytes: free.bytes - bytes, files: free.files - files });

test("nobody looks into a workspace while the disk has lost less than half of what it might grow by", () => {
  assert.equal(isDue(watched(), less(799e6, 7999), 60_000, true, LIMIT), false);
  assert.equal(isDue(watched(), less(800e6), 60_000, true, LIMIT), true);
  assert.equal(isDue(watched(), less(0, 8000), 60_000, false, LIMIT), true);
  assert.equal(isDue(watched({ left: { bytes: 0, files: 0 } }), less(3e6, 400), 60_000, true, LIMIT), false);
});

test("one look follows another after a pause; while it is worked, a look comes now and then whatever the disk says", () => {
  assert.equal(isDue(watched(), less(1600e6), 4_000, true, LIMIT), false);
  assert.equal(isDue(watched(), free, 300_000, true, LIMIT), true);
  assert.equal(isDue(watched(), free, 3_000_000, false, LIMIT), false);
});

test("the first look comes once somebody has worked for a while, or when the disk loses much", () => {
  const never = watched({ left: null });
  assert.equal(isDue(never, free, 19_000, true, LIMIT), false);
  assert.equal(isDue(never, free, 20_000, true, LIMIT), true);
  assert.equal(isDue(never, less(800e6), 6_000, true, LIMIT), true);
});

test("a file system that does not count its files is asked for bytes alone", () => {
  const uncounted = watched({ free: { bytes: 50e9, files: 0 } });
  assert.equal(isDue(uncounted, { bytes: 50e9, files: 0 }, 60_000, true, LIMIT), false);
});
