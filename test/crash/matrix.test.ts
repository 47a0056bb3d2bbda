/**
 * The host is killed at its durable steps and side effects, and held to its promises afterwards: at a fixed core of them
 * and at a sample of all others, which NANOCLAW_SEED repeats; with NANOCLAW_FULL=1 at all of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, HOW_TO_UPDATE, knownPoints, nameOf, targets, unfitCore } from "./points.ts";
import { randomOf } from "./power/disk.ts";
import { record } from "./record.ts";
import { lifeUpTo } from "./scenario.ts";
import { trial } from "./trial.ts";

/** Worlds at a time: a dying host mostly waits for containers. */
const AT_ONCE = 4;
/** After every so many-th death the host dies again, so many milliseconds into its next life. */
const AGAIN_EVERY = 3;
const AGAIN_AFTER = [250, 500, 900];
const known = knownPoints();
const seed = Number(process.env.NANOCLAW_SEED ?? Date.now() % 1_000_000);

test("every durable step and side effect of the host is known", async () => {
  const changes = differences(known, await record());
  assert.deepEqual(changes, [], `${changes.join("\n")}\n${HOW_TO_UPDATE}`);
  assert.deepEqual(unfitCore(known), [], "CORE in points.ts names what is not one point");
});

test("killed at any step, the host loses nothing, says nothing twice and leaves nothing over", {
  concurrency: AT_ONCE,
}, async (t) => {
  const chosen = targets(known, process.env.NANOCLAW_FULL === "1", randomOf(seed));
  const missed: string[] = [];
  await Promise.all(
    chosen.map((target, index) => {
      const again =
        index % AGAIN_EVERY === 0 ? (AGAIN_AFTER[(index / AGAIN_EVERY) % AGAIN_AFTER.length] ?? null) : null;
      return t.test(`${nameOf(target)}${again ? `, and again after ${again} ms` : ""}`, async () => {
        const outcome = await trial({ target }, (world) => lifeUpTo(target.run, world), again);
        if (!outcome.struck) missed.push(nameOf(target));
        const why = `${outcome.broken.join("\n")}\nrepeat it with NANOCLAW_SEED=${seed}\n${outcome.log}`;
        assert.deepEqual(outcome.broken, [], why);
      });
    }),
  );
  // A step that fails (a file that is there already) has no "after", and which passing comes when depends on timing.
  for (const name of missed) t.diagnostic(`did not come to it: ${name}`);
  assert.ok(
    missed.length <= chosen.length * 0.1,
    `${missed.length} of ${chosen.length} deaths did not take place: ${missed}`,
  );
});
