/**
 * Plays simulated runs until one breaks a promise; that one is made shorter (unless --no-shrink) and told. Ends with 1
 * when a promise broke.
 *   node test/sim/run.ts --seed N [--keep 0-2,7] [--trace]        one seed, or a part of what happens in it
 *   node test/sim/run.ts --seeds N,N,N                            these seeds
 *   node test/sim/run.ts --seconds S [--from N] [--step K]        seeds from N on, each K-th; without --from fresh ones
 *                                                                 (with --tally it tells what the runs have met)
 *   node test/sim/run.ts --most M [--from N] [--step K]           the same, for so many seeds
 * With --everywhere each agent has one conversation over all its chats.
 */
import { parseArgs } from "node:util";
import { Tally } from "./base/tally.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { part, shrink } from "./shrink.ts";
import { type Outcome, simulate } from "./simulation.ts";

/** How long a failing scenario is made shorter, milliseconds. */
const SHRINK_TIME = 20_000;
const MOST_SHOWN = 40;
/** Where neither a time nor a number of seeds is said. */
const USUAL_SECONDS = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    keep: { type: "string" },
    trace: { type: "boolean", default: false },
    seconds: { type: "string" },
    most: { type: "string" },
    from: { type: "string" },
    step: { type: "string", default: "1" },
    tally: { type: "boolean", default: false },
    everywhere: { type: "boolean", default: false },
    "no-shrink": { type: "boolean", default: false },
  },
});
const say = (text: string) => process.stdout.write(`${text}\n`);

function wantedOf(seed: string): Scenario {
  const scenario = scenarioOf(seed);
  return values.everywhere ? { ...scenario, setup: { ...scenario.setup, everywhere: true } } : scenario;
}

async function playOne(seed: string): Promise<void> {
  const scenario = wantedOf(seed);
  const all = scenario.happenings.map((_, index) => index);
  const keep = values.keep === undefined ? all : indexesOf(values.keep);
  const outcome = await simulate(seed, part(scenario, keep), values.trace ? say : null);
  tell(seed, outcome);
  if (outcome.violation && values.keep === undefined) await tellShortest(seed, outcome.violation.promise);
}

/** Numbers from `first` on, for as long as there is time, or as many as are wanted. */
function* fresh(first: number): Generator<string> {
  const most = Number(values.most ?? Number.POSITIVE_INFINITY);
  const seconds = values.seconds ?? (values.most === undefined ? USUAL_SECONDS : Number.POSITIVE_INFINITY);
  const end = performance.now() + Number(seconds) * 1000;
  const step = Number(values.step);
  for (let n = 0; n < most && performance.now() < end; n++) yield String(first + n * step);
}

async function playMany(seeds: Iterable<string>): Promise<void> {
  let played = 0;
  const met = new Tally();
  for (const seed of seeds) {
    const outcome = await simulate(seed, wantedOf(seed));
    played += 1;
    met.add(outcome.tally);
    if (!outcome.violation) continue;
    tell(seed, outcome);
    if (!values["no-shrink"]) await tellShortest(seed, outcome.violation.promise);
    break;
  }
  say(`${played} seeds played`);
  if (values.tally) for (const line of met.lines) say(line);
}

function tell(seed: string, { violation, digest, steps }: Outcome): void {
  say(`seed ${seed}: ${digest} after ${steps} steps`);
  if (!violation) return;
  say(`BROKEN PROMISE: ${violation.promise}\n  ${violation.message}`);
  process.exitCode = 1;
}

async function tellShortest(seed: string, promise: string): Promise<void> {
  const scenario = wantedOf(seed);
  const kept = await shrink(seed, scenario, promise, performance.now() + SHRINK_TIME);
  say(`${kept.length} of ${scenario.happenings.length} happenings are enough:`);
  say(JSON.stringify(scenario.setup));
  const { happenings } = part(scenario, kept);
  for (const { at, ...act } of happenings.slice(0, MOST_SHOWN)) say(`  ${at} ms: ${JSON.stringify(act)}`);
  if (happenings.length > MOST_SHOWN) say("  ...");
  say(
    `again: node test/sim/run.ts --seed ${seed} --keep=${textOf(kept)} --trace${values.everywhere ? " --everywhere" : ""}`,
  );
}

/** "0-2,7" for 0, 1, 2 and 7. */
function textOf(indexes: number[]): string {
  const runs: [number, number][] = [];
  for (const index of indexes) {
    const last = runs.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",");
}

function indexesOf(text: string): number[] {
  return text.split(",").flatMap((run) => {
    const [from = Number.NaN, to = from] = run.split("-").map(Number);
    return Array.from({ length: to - from + 1 || 0 }, (_, offset) => from + offset);
  });
}

if (values.seed) await playOne(values.seed);
else await playMany(values.seeds?.split(",") ?? fresh(Number(values.from ?? Date.now())));
