import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../test/support/world.ts";
import { runErrand } from "./errand.ts";
import type { Exit, Sandbox, SandboxSpec } from "./sandbox.ts";

const LIMIT = 1_000;

/** A driver whose only container can be ended from outside. */
function engine() {
  const { promise: exited, resolve: end } = Promise.withResolvers<Exit>();
  const stops: number[] = [];
  const stop = async (graceMs: number) => void stops.push(graceMs);
  const sandbox = { id: "c", name: "n", exited, stop, stats: () => assert.fail() } satisfies Sandbox;
  return { driver: { start: async () => sandbox }, end, stops };
}

const spec = { name: "n" } as SandboxSpec;

test("an errand comes to what its container ended with", async () => {
  const { driver, end, stops } = engine();
  const clock = new ManualClock();
  const run = runErrand(driver, clock, spec, LIMIT);
  const exit: Exit = { code: 3, outOfMemory: false, stderr: "no" };
  end(exit);
  assert.equal(await run, exit);
  clock.advance(2 * LIMIT);
  assert.deepEqual(stops, []);
});

test("a container that is stuck is ended, and whoever waits hears it", async () => {
  const { driver, stops } = engine();
  const clock = new ManualClock();
  const run = runErrand(driver, clock, spec, LIMIT);
  const outcome = assert.rejects(run, /^Error: n took longer than 1 s$/);
  await new Promise(setImmediate);
  clock.advance(LIMIT - 1);
  await new Promise(setImmediate);
  assert.deepEqual(stops, []);
  clock.advance(1);
  await outcome;
  assert.deepEqual(stops, [0]);
});
