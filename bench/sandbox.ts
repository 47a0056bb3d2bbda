/**
 * What a box costs: its start beside a bare container of the same image and runtime, the memory of a session in each of its states, and how
 * many sessions a machine holds. Memory is PSS: shared pages by their part.
 */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { DockerDriver } from "../drivers/docker/driver.ts";
import { defaultTimers } from "../src/sessions/machine.ts";
import { boxOf } from "../test/support/sandbox/box.ts";
import { BenchHost } from "./bench-host.ts";
import { percentiles, type Row, type Section, single } from "./stats.ts";

const IMAGE = "nanoclaw-agent:latest";
const MINUTE = 60_000;

async function runtimes() {
  const { runtimes: known } = await new DockerDriver().check();
  return (["runc", "runsc"] as const).filter((name) => known.includes(name));
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** `true` in a box of ours and in a bare container, of each runtime, taken in turn. */
export async function startTimes(runs: number): Promise<Section> {
  const rows: Row[] = [];
  for (const runtime of await runtimes()) {
    const driver = new DockerDriver();
    const box = boxOf(driver, IMAGE, runtime);
    const [ours, bare]: [number[], number[]] = [[], []];
    for (let run = 0; run <= runs; run++) {
      const [mine, other] = [await took(() => box.run("true")), await took(() => bareRun(runtime))];
      // The first round fills caches.
      if (run === 0) continue;
      ours.push(mine);
      bare.push(other);
    }
    driver.close();
    box.removeFolders();
    const [one, two] = [
      percentiles(`${runtime}: driver's start -> its exit is told`, "ms", ours),
      percentiles(`${runtime}: docker run --rm of the same image`, "ms", bare),
    ];
    rows.push(
      one,
      two,
      single(`${runtime}: ratio of the medians`, "", (one.p50 ?? Number.NaN) / (two.p50 ?? Number.NaN)),
    );
  }
  return { name: "start of a box", rows };
}

function bareRun(runtime: string): Promise<void> {
  const args = ["run", "--rm", "--runtime", runtime, "--network", "none", IMAGE, "true"];
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`docker run ended with code ${code}`))));
  });
}

/** Sessions of the real agent SDK with the practice model: while they start, when they are warm, and at rest. */
export async function stateMemory(sessions: number): Promise<Section[]> {
  const sections: Section[] = [];
  for (const runtime of await runtimes()) {
    const host = new BenchHost();
    // Warm for long enough to be weighed, even on a busy machine.
    // The first session of all, which welcomes its owner, began before the runtime was chosen.
    const runs = (id: string) => docker("inspect", "--format", "{{.HostConfig.Runtime}}", id) === runtime;
    const containers = () => host.containers().filter(runs);
    await host.start("claude", sessions, { timers: { ...defaultTimers, ready: MINUTE, starting: 5 * MINUTE } });
    try {
      await host.client.call("groups.set", { folder: "main", runtime });
      let most = 0;
      let starting = true;
      const watching = (async () => {
        while (starting) {
          for (const id of containers()) most = Math.max(most, weigh(id));
          await pause(50);
        }
      })();
      const { id: first } = await host.say("c0", "hello");
      await host.answer(first);
      starting = false;
      await watching;
      for (let i = 1; i < sessions; i++) await host.answer((await host.say(`c${i}`, "hello")).id);
      const warm = containers().map(weigh);
      const mine = (state: string) => async () =>
        ((await host.client.call("status", {})).sessions[state] ?? 0) > sessions;
      // And the one that welcomed.
      await until(mine("resting"), 5 * MINUTE);
      // The agent's process takes a moment to end.
      await pause(5_000);
      const rest = containers().map(weigh);
      sections.push({
        name: `memory of a session, real agent SDK, ${runtime}`,
        rows: [
          single("most while the first started and answered", "MB", most),
          percentiles("warm", "MB", warm),
          percentiles("resting", "MB", rest),
          single("warm ones that the memory free now would hold", "", free() / median(warm)),
          single("resting ones", "", free() / median(rest)),
        ],
      });
    } finally {
      await host.stop();
    }
  }
  return sections;
}

/** So many sessions at rest at once, with the null provider, and whether each still answers. */
export async function resting(sessions: number): Promise<Section> {
  const host = new BenchHost();
  const timers = { ...defaultTimers, ready: 2_000, resting: 60 * MINUTE, starting: 10 * MINUTE };
  await host.start("null", sessions, { timers, maxContainers: sessions + 1 });
  try {
    const before = free();
    const began = performance.now();
    // A few at a time, as people write; all at once the engine is what is measured.
    for (let i = 0; i < sessions; i += 4) {
      const some = [0, 1, 2, 3].filter((j) => i + j < sessions);
      const asked = await Promise.all(some.map((j) => host.say(`c${i + j}`, "hello")));
      for (const { id } of asked) await host.answer(id);
    }
    const started = performance.now() - began;
    const count = async () => (await host.client.call("status", {})).sessions.resting ?? 0;
    await until(async () => (await count()) >= sessions, 5 * MINUTE);
    const weights = host.containers().map(weigh);
    const again: number[] = [];
    for (let i = 0; i < sessions; i++)
      again.push(await took(async () => host.answer((await host.say(`c${i}`, "and now?")).id)));
    const { sessions: states, queues } = await host.client.call("status", {});
    return {
      name: `${sessions} sessions at rest, null provider`,
      rows: [
        single("containers", "", host.containers().length),
        single("sessions that wait for a place", "", queues.starting),
        single(
          "sessions with a container",
          "",
          Object.values(states).reduce((sum, one) => sum + one, 0),
        ),
        single("all started and answered, four at a time", "s", started / 1000),
        percentiles("each", "MB", weights),
        single("memory that is free less than before", "MB", before - free()),
        percentiles("said -> answered, from rest", "ms", again),
      ],
    };
  } finally {
    await host.stop();
  }
}

/** All processes of a container and those of its runtime that are there for it alone, in MB. */
function weigh(container: string): number {
  const id = docker("inspect", "--format", "{{.Id}}", container);
  const first = Number(docker("inspect", "--format", "{{.State.Pid}}", container));
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(
    processes.map((pid) => [pid, /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? ""]),
  );
  const belongs = new Set(
    processes.filter((pid) => Number(pid) === first || read(`/proc/${pid}/cmdline`).includes(id)),
  );
  for (let before = -1; before !== belongs.size; ) {
    before = belongs.size;
    for (const [pid, parent] of parents) if (belongs.has(parent)) belongs.add(pid);
  }
  let sum = 0;
  for (const pid of belongs) sum += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return sum / 1024;
}

/** Empty where the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();

/** What new processes could get, in MB. */
const free = () => Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) / 1024;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function until(isSo: () => Promise<boolean>, most: number): Promise<void> {
  const began = performance.now();
  while (!(await isSo())) {
    if (performance.now() - began > most) throw new Error(`it did not come to this within ${most / 1000} s: ${isSo}`);
    await pause(200);
  }
}
