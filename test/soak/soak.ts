/**
 * A long life under random deaths: a real host with real containers and the null provider, several chats, hosts and
 * containers killed at any moment; at the end every promise is looked at.
 *   bash nanoclaw.sh run soak [--minutes 30] [--seed N]
 * In the second half the host is left alive, so that its memory can be watched over one life.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { brokenByContainers, brokenPromises, promises } from "../crash/promises.ts";
import { makeAgent } from "../crash/scenario.ts";
import { goOn, settle } from "../crash/trial.ts";
import { HostDied, pause, World } from "../crash/world.ts";
import { Rng } from "../sim/base/rng.ts";
import { grownBy, Watch } from "./watch.ts";

const CHATS = 5;
/** Messages without an end at which one waits before more is said. */
const MOST_OPEN = 40;
/** What a host may grow by from the first to the last third of its watched life, MB. */
const MOST_GROWTH = 15;
/** How long the host has to bring everything to its end, milliseconds. */
const PATIENCE = 180_000;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string", default: String(Date.now() % 1e6) } },
});
const length = Number(values.minutes) * 60_000;
if (!(length > 0)) throw new Error(`--minutes ${values.minutes} is no length of time`);

const rng = new Rng(values.seed);
const up = (most: number) => Math.floor(rng.fraction() * most);
const pick = <Item>(items: Item[]) => items[up(items.length)] as Item;
const world = new World();
world.patience = PATIENCE;
const counts = { messages: 0, hostKills: 0, containerKills: 0 };
const broken: string[] = [];

/** What a message makes the null provider do. Each ends with a word of its own, so that none is part of another. */
function textOf(number: number): string {
  const deed = pick(["", "", "", "tool ", "sleep:50 ", "sleep:400 ", "tool sleep:1500 "]);
  return `${deed}word ${number}.`;
}

const open = () =>
  world.query<{ count: number }>("SELECT count(*) AS count FROM inbox WHERE state IN ('queued','in_turn')")[0]?.count ??
  0;

async function say(chats: string[]): Promise<void> {
  counts.messages += 1;
  await world.say(pick(chats), textOf(counts.messages));
}

/** At any moment of what it does just then, a message that comes in included; what was not acknowledged is said again. */
async function killHost(chats: string[]): Promise<void> {
  counts.hostKills += 1;
  const killed = pause(up(60)).then(() => world.kill("SIGKILL"));
  try {
    for (let i = 0; i < 5; i++) await say(chats);
  } catch (error) {
    if (!(error instanceof HostDied)) throw error;
  }
  await killed;
  await pause(pick([0, 0, 300, 2000]));
  await world.restart();
  await world.sayAgain();
}

async function live(chats: string[], watch: Watch): Promise<void> {
  const began = Date.now();
  while (Date.now() - began < length) {
    const half = Date.now() - began > length / 2;
    if (half && !watch.on) watch.begin((await world.call("status", {})).pid);
    const dice = rng.fraction();
    if (dice < 0.02 && !half) await killHost(chats);
    else if (dice < 0.06) {
      counts.containerKills += 1;
      await world.containers.kill(world.sessionOf(pick(chats)));
    } else {
      await say(chats);
      await pause(up(250));
      if (open() > MOST_OPEN) await world.until("the queue gets shorter", () => open() <= MOST_OPEN / 2);
    }
  }
}

async function noted(promise: string, work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) => void broken.push(`${promise}: ${String(error)}`));
}

const began = Date.now();
const watch = new Watch(world.containers);
try {
  await world.restart();
  await makeAgent(world);
  const chats = ["main"];
  while (chats.length < CHATS) chats.push((await world.call("claw.open", {})).chat);
  await noted(promises.end, () => live(chats, watch));
  broken.push(...(await watch.end()).map((session) => `${promises.single}: ${session}`));
  if (world.alive) {
    await noted(promises.end, () => settle(world));
    await noted(promises.alive, () => goOn(world));
    broken.push(...(await brokenByContainers(world, false)));
  }
  await noted(promises.restart, () => world.kill("SIGTERM"));
  broken.push(...brokenPromises(world), ...(await brokenByContainers(world, true)));

  // Killed three times over one message, the host gives it up with a notice: that is an end, and counted apart.
  const givenUp = broken.filter((line) => line.startsWith(promises.needless));
  const growth = grownBy(watch.samples);
  if (growth > MOST_GROWTH)
    broken.push(`memory: the host grew by ${growth.toFixed(1)} MB within ${length / 120_000} minutes`);
  const failures = [...new Set(broken)].filter((line) => !givenUp.includes(line));
  const repeated = world.query<{ count: number }>(
    "SELECT count(*) AS count FROM terminal_messages WHERE text LIKE '(Repeated%'",
  );
  const summary = {
    ...{
      date: new Date().toISOString().slice(0, 10),
      minutes: Number(values.minutes),
      seed: values.seed,
      chats: CHATS,
    },
    ...{ ...counts, seconds: Math.round((Date.now() - began) / 1000), givenUpAfterThreeTries: givenUp.length },
    repeatedAndMarked: repeated[0]?.count ?? 0,
    residentMB: watch.samples.map(({ megabytes }) => Math.round(megabytes)),
    growthMB: Math.round(growth * 10) / 10,
    broken: failures,
  };
  const ends = failures.length === 0 ? "every promise held" : `${failures.length} broken:\n${failures.join("\n")}`;
  process.stdout.write(
    `${counts.messages} messages in ${CHATS} chats over ${summary.seconds} s, seed ${values.seed}: host killed ${counts.hostKills} times, ` +
      `containers ${counts.containerKills} times, ${givenUp.length} messages given up after three tries, host grew by ` +
      `${summary.growthMB} MB; ${ends}\n${JSON.stringify(summary)}\n`,
  );
  if (failures.length > 0)
    process.stderr.write(`${readFileSync(`${world.paths.logs}/host.log`, "utf8").slice(-8000)}\n`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  await watch.end();
  await world.remove();
}
