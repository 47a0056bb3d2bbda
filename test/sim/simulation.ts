/** One run: a scenario played on a simulated machine, then calm, then what must hold. The same seed gives the same run. */
import { Dead } from "./base/life.ts";
import type { Tally } from "./base/tally.ts";
import { Chats } from "./chats.ts";
import { calm, perform } from "./happen.ts";
import { watchPatience } from "./patience.ts";
import type { Scenario } from "./scenario.ts";
import { Machine } from "./world/machine.ts";
import { type Violation, World } from "./world/world.ts";

/** Within this much simulated time after the last fault everything has ended, milliseconds. */
const BOUND = 20 * 60_000;
/** How often it is looked whether everything has ended. */
const LOOK = 500;
/** How often it is looked whether something waits for too long. */
const LATENESS = 60_000;
/** After the end of everything: what still settles (a session may rest for a minute after failures), then a time in which nothing may happen. */
const SETTLE = 75_000;
const IDLE = 30_000;
/** So much may happen in one millisecond: more is something that sets itself going again and again. */
const MOST_AT_ONCE = 100_000;
/** Longer than it takes an idle session to end its container. */
const COLD = 45 * 60_000;

export interface Outcome {
  violation: Violation | null;
  /** The hash of everything that happened. */
  digest: string;
  tally: Tally;
  steps: number;
}

export async function simulate(
  seed: string,
  scenario: Scenario,
  show: ((line: string) => void) | null = null,
): Promise<Outcome> {
  const world = new World(seed, show);
  const machine = new Machine(world, scenario.setup);
  const uncaught = (error: unknown) => {
    if (!(error instanceof Dead)) machine.host.failed(error);
  };
  process.on("unhandledRejection", uncaught);
  try {
    await play(machine, scenario);
    return { violation: world.violation, digest: world.trace.digest(), tally: world.tally, steps: world.time.steps };
  } finally {
    process.off("unhandledRejection", uncaught);
    machine.close();
    world.close();
  }
}

async function play(machine: Machine, scenario: Scenario): Promise<void> {
  const { world } = machine;
  const { time } = world;
  const chats = new Chats(machine);
  let last = { at: 0, steps: 0 };
  const enough = () => {
    if (time.now !== last.at) last = { at: time.now, steps: time.steps };
    const steps = time.steps - last.steps;
    if (steps > MOST_AT_ONCE) world.broken("nothing turns in circles", `${steps} events at ${time.now} ms`);
    return world.violation !== null;
  };
  const until = (end: number) => time.runUntil(end, enough);
  machine.host.boot();
  watchPatience(machine);
  for (const { at, ...act } of scenario.happenings) {
    time.after(world.outside, at, () => {
      if (act.do !== "say") world.trace.add("fault", JSON.stringify(act));
      perform(machine, act);
    });
  }
  time.after(world.outside, scenario.calmAt, () => calm(machine));
  const { limit } = scenario;
  while (limit && !world.violation && time.now < scenario.calmAt) {
    await until(time.now + LATENESS);
    chats.checkLateness(limit);
  }
  await until(scenario.calmAt);
  const bound = scenario.calmAt + BOUND + world.setBack;
  while (!world.violation && time.now < bound && !chats.settled) await until(time.now + LOOK);
  world.trace.add("world", chats.settled ? "everything has ended" : "the time is over");
  if (world.violation) return;
  chats.check();
  if (limit) chats.checkUndisturbed();
  if (!world.violation) await checkIdle(machine, until);
  if (!world.violation) machine.promises.atTheEnd();
  chats.check();
}

/** With nothing to do nothing happens; and when its time has come, nothing is left running. */
async function checkIdle(machine: Machine, until: (end: number) => Promise<void>): Promise<void> {
  const { world, promises, readers, engine, host } = machine;
  host.crash(null);
  await until(world.time.now + SETTLE);
  const before = { commits: promises.commits, reads: readers.reads };
  await until(world.time.now + IDLE);
  // Each session may go to rest in that time, once.
  const sessions = machine.look("SELECT 1 FROM sessions").length;
  const [commits, reads] = [promises.commits - before.commits, readers.reads - before.reads];
  if (commits > sessions || reads > 2 * sessions) {
    world.broken("idle means idle", `${commits} commits and ${reads} reads in ${IDLE} ms without work`);
  }
  await until(world.time.now + COLD);
  const left = engine.running.map(({ id }) => id);
  if (left.length > 0) world.broken("no container is left over", `${left.join(", ")} still run`);
  const timers = host.running ? world.time.pending(host.running.life) : -1;
  if (timers !== 0) world.broken("idle means idle", `${timers} timers are left when every session sleeps`);
}
