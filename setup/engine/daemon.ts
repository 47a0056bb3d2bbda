/** Starts, configures and stops the Docker daemon where no service manager does it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";
import { rootPrefix } from "../packages.ts";
import type { Context } from "../step.ts";
import { askEngine, which } from "./facts.ts";
import { withGvisor } from "./plan.ts";

/** The daemon's own default: it reads this when no other file is named. */
const SYSTEM_CONFIG = "/etc/docker/daemon.json";
const PID_FILE = "/var/run/docker.pid";
/** Milliseconds that a daemon gets to answer after its start, and to end after it was told to. */
const START_PATIENCE = 60_000;
const STOP_PATIENCE = 30_000;
const LOOK_AGAIN = 200;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function readConfig(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Misuse(
      `the engine's configuration ${file} can't be read: ${String(error)}`,
      "Put it right, then run this again.",
    );
  }
}

/**
 * Starts dockerd on its default socket and data folder, apart from this process and its terminal: it lasts until it is
 * stopped or the machine is. @returns its process id
 */
export async function startDaemon(context: Context): Promise<number> {
  const { shell, paths } = context;
  const log = join(paths.logs, "dockerd.log");
  const folder = join(paths.data, "engine");
  mkdirSync(folder, { recursive: true });
  const args: string[] = [];
  const system = readConfig(SYSTEM_CONFIG);
  if (Object.keys(system).length === 0) {
    const config = join(folder, "daemon.json");
    const gvisor = await which(shell, "runsc");
    writeFileSync(config, JSON.stringify(gvisor ? withGvisor({}, gvisor) : {}));
    args.push("--config-file", config);
  }
  const prefix = await rootPrefix(context, "starting the container engine");
  const detached = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!';
  const started = await shell.must(
    [...prefix, "sh", "-c", detached, "start", log, "dockerd", ...args],
    `Look at ${log}.`,
  );
  const pid = Number(started.stdout);
  const until = performance.now() + START_PATIENCE;
  while (performance.now() < until) {
    // A daemon that serves root only still answers: the next look at the machine finds that out.
    if ((await askEngine(shell)).status !== "silent") return pid;
    if (!(await runs(context, pid))) break;
    await pause(LOOK_AGAIN);
  }
  const said = (await shell.run([...prefix, "tail", "-n", "3", log])).stdout.trim();
  throw new Misuse(
    `the container engine did not start: ${said}`,
    `Look at ${log}; start Docker by hand, then run this again.`,
  );
}

async function runs({ shell }: Context, pid: number): Promise<boolean> {
  return (await shell.run(["ps", "-p", String(pid), "-o", "pid="])).code === 0;
}

/** Stops a daemon that `startDaemon` started, with its containers. Its images stay for the next run. */
export async function stopDaemon(context: Context, pid: number): Promise<void> {
  const prefix = await rootPrefix(context, "stopping the container engine");
  await context.shell.run([...prefix, "kill", String(pid)]);
  const until = performance.now() + STOP_PATIENCE;
  while ((await runs(context, pid)) && performance.now() < until) await pause(LOOK_AGAIN);
}

/** The configuration file of the engine that runs, as its own command line names it. */
export function configFileOf(commandLine: string[]): string {
  const index = commandLine.findIndex((word) => /^--?config-file(=|$)/.test(word));
  const word = commandLine[index];
  if (word === undefined) return SYSTEM_CONFIG;
  return word.includes("=") ? word.slice(word.indexOf("=") + 1) : (commandLine[index + 1] ?? SYSTEM_CONFIG);
}

/** Adds gVisor to the engine that runs; its containers keep running. */
export async function addGvisor(context: Context): Promise<void> {
  const { shell } = context;
  const path = (await which(shell, "runsc")) ?? "runsc";
  const prefix = await rootPrefix(context, "adding gVisor to the container engine");
  const pid = readFileSync(PID_FILE, "utf8").trim();
  const file = configFileOf(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
  const hint = `Add the runtime "runsc" to ${file} by hand and restart the engine.`;
  const config = JSON.stringify(withGvisor(readConfig(file), path), null, 2);
  await shell.must([...prefix, "mkdir", "-p", join(file, "..")], hint);
  await shell.must([...prefix, "tee", file], hint, { input: `${config}\n` });
  await shell.must([...prefix, "kill", "-HUP", pid], hint);
  for (let look = 0; look < 50; look++) {
    const answer = await askEngine(shell);
    if (answer.status === "ready" && answer.runtimes.includes("runsc")) return;
    await pause(LOOK_AGAIN);
  }
  throw new Misuse("the container engine did not take up gVisor", hint);
}
