/**
 * The container is killed at each step that its runner makes known, and in the middle of a commit; the host goes on.
 * The runner dies by SIGKILL from within, at the exact step, which ends its container like `docker kill` does.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { InsidePlan } from "./inside/hook.ts";
import { frozenStop, makeAgent } from "./scenario.ts";
import { trial } from "./trial.ts";
import type { World } from "./world.ts";

const AT_ONCE = 3;

/** Milliseconds that the first turn works: where the follow-up must come meanwhile, on a busy machine too, it is more. */
const WORK = 500;
const WORK_TO_BE_FED = 5_000;

async function life(world: World, work: number): Promise<void> {
  await world.start();
  await makeAgent(world);
  const one = await world.say("main", `tool sleep:${work} alpha`);
  await world.until("alpha is at work", () => world.begun(one));
  const two = await world.say("main", "bravo");
  await world.until("both are answered", () => world.answered(one) && world.answered(two));
  const three = await world.say("main", "charlie");
  await world.until("charlie is answered", () => world.answered(three));
}

async function kept(options: { inside: InsidePlan; root?: string }) {
  let told: string[] = [];
  let containers: string[] = [];
  const outcome = await trial(options, async (world) => {
    await life(world, options.inside.kind === "turn_fed" ? WORK_TO_BE_FED : WORK);
    containers = (await world.containers.events()).filter(({ action }) => action === "start").map(({ name }) => name);
    told = world
      .query<{ text: string }>("SELECT text FROM terminal_messages WHERE author = 'system'")
      .map(({ text }) => text);
  });
  return { ...outcome, told, containers };
}

const KINDS = ["turn_started", "turn_fed", "tool_started", "tool_ended", "turn_ended"];
const PHASES = ["before", "within", "after"] as const;

test("a container killed at any step of its journal costs nobody an answer", { concurrency: AT_ONCE }, async (t) => {
  await Promise.all(
    KINDS.flatMap((kind) =>
      PHASES.map((phase) =>
        t.test(`${phase} the commit of ${kind}`, async () => {
          const { broken, told, containers, log } = await kept({ inside: { kind, nth: 1, phase, times: 1 } });
          assert.deepEqual(broken, [], `${broken.join("\n")}\n${log}`);
          const interrupted = told.filter((text) => /middle of the work \(it was killed\)/.test(text));
          // What was not committed did not begin. The follow-up's turn begins in the commit that ends the first one.
          const begun = kind !== "turn_started" || phase === "after";
          assert.equal(interrupted.length, begun ? 1 : 0, told.join("\n"));
          const mended = containers.filter((name) => name.endsWith("-recovery"));
          assert.equal(mended.length, phase === "within" ? 1 : 0, `recovery containers: ${containers.join(", ")}`);
        }),
      ),
    ),
  );
});

test("a stop that was acknowledged holds, also where host and container die before the container has heard of it", async () => {
  const { broken, log } = await trial({}, frozenStop);
  assert.deepEqual(broken, [], `${broken.join("\n")}\n${log}`);
});

test("a message over which three containers die is given up with a notice, and the next one is answered", async () => {
  const inside: InsidePlan = { kind: "turn_started", nth: 1, phase: "after", times: 3 };
  let said: string[] = [];
  const { broken, log } = await trial({ inside }, async (world) => {
    await world.start();
    await makeAgent(world);
    const given = await world.say("main", "fail: three times");
    await world.until("it is given up", () => world.answered(given));
    const next = await world.say("main", "after that");
    await world.until("the next one is answered", () => world.answered(next));
    said = world
      .query<{ text: string }>("SELECT text FROM terminal_messages WHERE author <> 'person'")
      .map(({ text }) => text);
  });
  assert.deepEqual(broken, [], `${broken.join("\n")}\n${log}`);
  assert.match(said.join("\n"), /try 2 of 3.*try 3 of 3.*give up on this after 3 tries.*after that/s);
});
