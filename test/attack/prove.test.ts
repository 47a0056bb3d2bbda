/**
 * Every attack of `ncl prove` on the box as it is, with the host's parts in this process: its event loop is never held up for
 * 50 ms, and a neighbour's mailbox is read all the while. A full run makes them all under gVisor too.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { attacks } from "../../parts/prove/attacks/index.ts";
import type { SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { type LoopDelay, watchLoop } from "./mailbox/loop-delay.ts";
import { Neighbour } from "./mailbox/neighbour.ts";
import { proveBench } from "./prove/bench.ts";

const FULL = process.env.NANOCLAW_FULL === "1";
const MOST_DELAY_MS = 50;
/** A neighbour's read, on a machine whose cores are all taken by an attack. */
const MOST_READ_MS = 5_000;

for (const runtime of FULL ? ["runc", "runsc"] : ["runc"]) {
  describe(`attacks under ${runtime}`, async () => {
    const bench = await proveBench(runtime);
    after(() => bench.close());
    test("each is stopped by a control, and the host and a neighbour go on meanwhile", async (t) => {
      const neighbour = new Neighbour(bench.sessionsDir, bench.readers);
      let going = true;
      let slowest = 0;
      const beside = (async () => {
        while (going) {
          slowest = Math.max(slowest, await neighbour.read());
          await pause(50);
        }
      })();
      // As in a host that has been up for a while: what is loaded at the first use is no attack.
      await bench.run(attacks.filter(({ wall }, index) => attacks.findIndex((one) => one.wall === wall) === index));
      // From the first container on: what setting the stage takes is no attack.
      let loop: LoopDelay | null = null;
      const { driver } = bench.parts;
      const begins = (spec: SandboxSpec) => {
        loop ??= watchLoop();
        return driver.start(spec);
      };
      const verdicts = await bench.run(attacks, { driver: delegating(driver, begins) });
      const { most, mostOwn } = (loop as LoopDelay | null)?.stop() ?? assert.fail("nothing was started");
      going = false;
      await beside;
      neighbour.close();
      t.diagnostic(
        `${verdicts.length} attacks; at most loop ${most.toFixed(1)}, its own ${mostOwn.toFixed(1)} ms; neighbour ${slowest.toFixed(0)} ms`,
      );
      assert.deepEqual(
        verdicts.filter(({ held }) => held === false).map(({ id, happened }) => `${id}: ${happened}`),
        [],
      );
      // What the runtime lacks, it said before.
      const lacks = bench.parts.driver.lacks(runtime);
      for (const { held, control } of verdicts) if (held === "not given") assert.ok(control in lacks, control);
      const count = verdicts.filter(({ held }) => held === true).length;
      assert.ok(count >= 60, `${count} held`);
      assert.ok(mostOwn < MOST_DELAY_MS, `the event loop was held up for ${mostOwn} ms`);
      assert.ok(slowest < MOST_READ_MS, `a neighbour's read took ${slowest} ms`);
    });
  });
}

/** A driver that starts containers in another way. */
function delegating(driver: SandboxDriver, start: SandboxDriver["start"]): SandboxDriver {
  return {
    ...{ id: driver.id, cannot: driver.cannot, start },
    lacks: (runtime) => driver.lacks(runtime),
    check: () => driver.check(),
    survivors: (labels) => driver.survivors(labels),
    describe: (spec) => driver.describe(spec),
  };
}
