/**
 * Runs the benches, all or those named: `pnpm bench [own sdk cold box memory resting rest burst door mailbox throughput sessions metering append
 * audited intent log] [--json] [--brief]`; `--brief` is for a look whether they run. Every figure comes from this
 * run on this machine; compare figures of one run with each other, since machines are noisy.
 */
import { cpus, release, totalmem } from "node:os";
import { appendCost, intentLatency, longLog, messageLatency } from "./audit.ts";
import { coldStart } from "./cold-start.ts";
import { door } from "./door.ts";
import { atRest, burst, ownShare, realSdk } from "./first-light.ts";
import * as mailbox from "./mailbox.ts";
import { metering } from "./metering.ts";
import { resting, startTimes, stateMemory } from "./sandbox.ts";
import { knownSessions } from "./sessions.ts";
import { type Section, table } from "./stats.ts";
import { throughput } from "./throughput.ts";

const args = process.argv.slice(2);
const json = args.includes("--json");
const brief = args.includes("--brief");

const benches: Record<string, () => Promise<Section[]>> = {
  own: async () => [await ownShare()],
  sdk: async () => [await realSdk()],
  cold: async () => [await coldStart()],
  box: async () => [await startTimes(brief ? 3 : 20)],
  memory: async () => await stateMemory(brief ? 1 : 5),
  resting: async () => [await resting(brief ? 10 : 100)],
  rest: async () => [await atRest(60)],
  burst: async () => [await burst(1), await burst(10)],
  door: async () => [
    await door(
      brief
        ? { requests: 100, events: 100, bytes: 40e6, rounds: 1, streams: 80 }
        : { requests: 2_000, events: 400, bytes: 250e6, rounds: 5, streams: 1_000 },
    ),
  ],
  mailbox: async () => [await mailbox.run()],
  throughput: async () => {
    // A hundred sessions share twelve places, each for two minutes at a time: anything shorter is no figure for them.
    const seconds = brief ? 5 : 30;
    return [await throughput(1, seconds), await throughput(10, seconds), await throughput(100, brief ? seconds : 300)];
  },
  sessions: async () => await knownSessions(brief ? [10, 1000] : [10, 100, 1000, 10_000]),
  metering: async () => [await metering(brief ? 100 : 500)],
  append: async () => [await appendCost(brief ? 200 : 2000)],
  audited: async () => [await messageLatency(brief ? 10 : 150)],
  intent: async () => [await intentLatency(brief ? 5 : 40)],
  log: async () => [await longLog(brief ? 20_000 : 1_000_000)],
};

const wanted = args.filter((arg) => !arg.startsWith("--"));
const unknown = wanted.find((name) => !Object.hasOwn(benches, name));
if (unknown) {
  process.stderr.write(`there is no bench "${unknown}"; there are: ${Object.keys(benches).join(", ")}\n`);
  process.exit(2);
}

const machine = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
};
const sections: Section[] = [];
if (!json)
  process.stdout.write(
    `${Object.entries(machine)
      .map(([key, value]) => `${key} ${value}`)
      .join(", ")}\n\n`,
  );
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const done = await bench();
  sections.push(...done);
  if (!json) process.stdout.write(`${table(done)}\n\n`);
}
if (json) process.stdout.write(`${JSON.stringify({ machine, sections }, null, 2)}\n`);
process.exit(0);
