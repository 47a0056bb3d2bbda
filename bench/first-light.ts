/**
 * What NanoClaw itself adds to a message's time, and what it costs at rest. Own share: t1 from the call of `accept` to the
 * hand-over to a null provider in the container; t2 from there, the commit of the final row included, to `send`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { BenchHost } from "./bench-host.ts";
import { percentiles, type Section, single } from "./stats.ts";

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const RUNS = 300;

export async function ownShare(): Promise<Section> {
  const host = new BenchHost();
  await host.start("null", 1);
  try {
    await host.answer((await host.say("c0", "warm up")).id);
    const t1: number[] = [];
    const t2: number[] = [];
    const both: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const { id, calledAt } = await host.say("c0", "clock");
      const { text, at } = await host.answer(id);
      const handed = Number(/\[([\d.]+)\]/.exec(text)?.[1]);
      if (i < 20) continue;
      t1.push(handed - calledAt);
      t2.push(at - handed);
      both.push(at - calledAt);
      await pause(10);
    }
    return {
      name: "a. own share, one warm session, null provider (p50 / p95 / p99)",
      rows: [
        percentiles("t1: accept called -> prompt handed over", "ms", t1),
        percentiles("t2: provider's answer -> channel send", "ms", t2),
        percentiles("t1 + t2", "ms", both, "5 p50, 25 p99"),
      ],
    };
  } finally {
    await host.stop();
  }
}

export async function realSdk(): Promise<Section> {
  const host = new BenchHost();
  await host.start("claude", 1);
  try {
    await host.answer((await host.say("c0", "hello")).id);
    const whole: number[] = [];
    for (let i = 0; i < 30; i++) {
      const { id, calledAt } = await host.say("c0", `hello ${i}`);
      whole.push((await host.answer(id)).at - calledAt);
    }
    return {
      name: "b. the same with the real agent SDK and the practice model",
      rows: [percentiles("accept called -> channel send", "ms", whole)],
    };
  } finally {
    await host.stop();
  }
}

export async function burst(chats: number): Promise<Section> {
  const host = new BenchHost();
  await host.start("null", chats);
  try {
    const started = performance.now();
    const sent = await Promise.all(
      Array.from({ length: 200 }, (_, i) => host.say(`c${i % chats}`, `message ${i} of ${chats}`)),
    );
    await Promise.all(sent.map(({ id }) => host.answer(id)));
    const seconds = (performance.now() - started) / 1000;
    for (let chat = 0; chat < chats; chat++) {
      const order = host.channel.sent
        .filter((one) => one.chat === `c${chat}`)
        .flatMap((one) => one.answers.map((id) => Number(id.slice(1))));
      if (order.some((n, i) => i > 0 && n < (order[i - 1] ?? 0)))
        throw new Error(`chat c${chat} was answered out of order`);
    }
    return {
      name: `e. 200 messages at once to ${chats} session${chats > 1 ? "s" : ""}, cold, null provider`,
      rows: [single("all answered, in order", "s", seconds)],
    };
  } finally {
    await host.stop();
  }
}

/** CPU that the processes used, in seconds; those that are gone count as nothing. */
function cpuSeconds(pids: number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {}
  }
  return ticks / 100;
}

/** Memory of processes with shared pages counted once over all of them (PSS), in MB. */
function pssMB(pids: number[]): number {
  let kB = 0;
  for (const pid of pids) {
    try {
      kB += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {}
  }
  return kB / 1024;
}

const containerPids = (ids: string[]): { pid: number; command: string }[] =>
  ids.flatMap((id) =>
    execFileSync("docker", ["top", id, "-eo", "pid,args"], { encoding: "utf8" })
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => ({ pid: Number(line.trim().split(/\s+/)[0]), command: line })),
  );

/** @param seconds how long to watch ten idle sessions */
export async function atRest(seconds: number): Promise<Section> {
  const host = new BenchHost();
  await host.start("claude", 10);
  try {
    const sent = await Promise.all(Array.from({ length: 10 }, (_, i) => host.say(`c${i}`, "hello")));
    await Promise.all(sent.map(({ id }) => host.answer(id)));
    await pause(3000);
    const children = execFileSync("pgrep", ["-P", String(process.pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
    const inside = containerPids(host.containers());
    const sdk = inside.filter(({ command }) => /claude-agent-sdk/.test(command)).map(({ pid }) => pid);
    const runners = inside.filter(({ command }) => !/claude-agent-sdk/.test(command)).map(({ pid }) => pid);
    const groups = { host: [process.pid], runners, sdk, children };
    const before = Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, cpuSeconds(pids)]));
    await pause(seconds * 1000);
    const share = (name: keyof typeof groups) => ((cpuSeconds(groups[name]) - (before[name] ?? 0)) / seconds) * 100;
    return {
      name: `d. at rest, ten warm sessions of the real agent, watched for ${seconds} s`,
      rows: [
        single("host process, resident", "MB", process.memoryUsage.rss() / 2 ** 20, "100"),
        single("host's helpers (reader, practice model), PSS", "MB", pssMB(children)),
        single("one runner, PSS", "MB", pssMB(runners) / 10),
        single("one agent process, PSS", "MB", pssMB(sdk) / 10),
        single("CPU of the host", "% of a core", share("host"), "0.2"),
        single("CPU of the ten runners", "% of a core", share("runners"), "0.5"),
        single("CPU of the ten agent processes", "% of a core", share("sdk")),
      ],
    };
  } finally {
    await host.stop();
  }
}
