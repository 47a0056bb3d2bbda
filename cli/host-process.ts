/** `ncl up` and `ncl down`: starts the host so that it outlives this terminal, and stops it again. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../api/results.ts";
import { Misuse } from "../src/lib/errors.ts";
import { hostArguments, hostEnvironment } from "../src/lib/host-command.ts";
import type { Paths } from "../src/lib/paths.ts";
import { type ControlClient, HostDown } from "./client.ts";
import { lastLines } from "./logs.ts";

/** Milliseconds that a host may take to answer, and to stop its containers. */
const START_WITHIN = 60_000;
const STOP_WITHIN = 60_000;
const LOOK_EVERY = 30;
const LOOK_AT_SERVICE_EVERY = 250;

/** Resolves when the host answers. @throws Misuse with the reason when it does not start */
export async function up(paths: Paths, client: ControlClient): Promise<{ status: Status; already: boolean }> {
  const running = await statusOrNull(client);
  if (running) return { status: running, already: true };
  const service = serviceOf(paths);
  const output = join(paths.logs, "host.out");
  const from = statSync(output, { throwIfNoEntry: false })?.size ?? 0;
  const hasEnded = service ? startService(service) : startDetached(paths, output);
  const deadline = Date.now() + START_WITHIN;
  while (Date.now() < deadline) {
    const status = await statusOrNull(client);
    if (status) return { status, already: false };
    if (hasEnded()) throw await whyNot("the host stopped right after its start", output, from, service);
    await sleep(service ? LOOK_AT_SERVICE_EVERY : LOOK_EVERY);
  }
  throw await whyNot(`the host did not answer within ${START_WITHIN / 1000} s`, output, from, service);
}

/** Resolves when the host is gone. @returns false when none was running */
export async function down(client: ControlClient): Promise<boolean> {
  const running = await statusOrNull(client);
  if (!running) return false;
  await client.call("host.stop", {});
  const deadline = Date.now() + STOP_WITHIN;
  while (isAlive(running.pid)) {
    if (Date.now() > deadline) {
      throw new Misuse(`the host (pid ${running.pid}) is still stopping`, "See what holds it: ./bin/ncl logs");
    }
    await sleep(LOOK_EVERY);
  }
  return true;
}

async function statusOrNull(client: ControlClient): Promise<Status | null> {
  try {
    return await client.call("status", {});
  } catch (error) {
    if (error instanceof HostDown) return null;
    throw error;
  }
}

/** A host under the person's service manager, as the set-up installed it. */
interface Service {
  start: string[];
  /** Exits with 0 while it runs or is about to. */
  check: string[];
  /** What the person can look at. */
  hint: string;
}

/** Whether the host starts with this machine. */
export const hasService = (paths: Paths): boolean => serviceOf(paths) !== null;

function serviceOf(paths: Paths): Service | null {
  const name = `nanoclaw-${paths.installation}`;
  const config = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  if (existsSync(join(config, "systemd/user", `${name}.service`))) {
    const systemctl = (verb: string) => ["systemctl", "--user", verb, name];
    return {
      start: systemctl("start"),
      check: systemctl("is-active"),
      hint: `See: journalctl --user -u ${name} -n 50`,
    };
  }
  if (existsSync(join(homedir(), "Library/LaunchAgents", `${name}.plist`))) {
    const agent = `gui/${process.getuid?.()}/${name}`;
    const print = ["launchctl", "print", agent];
    return { start: ["launchctl", "kickstart", agent], check: print, hint: `See: ${print.join(" ")}` };
  }
  return null;
}

function run([command = "", ...words]: string[]): { ok: boolean; said: string } {
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
  return { ok: status === 0, said: stderr?.trim() || `${command} could not be run` };
}

/** @returns whether the service manager has given it up */
function startService({ start, check, hint }: Service): () => boolean {
  const { ok, said } = run(start);
  if (!ok) throw new Misuse(`the service did not start: ${said}`, hint);
  return () => !run(check).ok;
}

/** @returns whether it has ended again */
function startDetached(paths: Paths, output: string): () => boolean {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(output, "a", 0o600);
  // What the process remembers must not be left behind in a file when it crashes.
  const withoutCore = ["-c", 'ulimit -c 0; exec "$0" "$@"', process.execPath, ...hostArguments];
  const child = spawn("/bin/sh", withoutCore, {
    cwd: paths.root,
    detached: true,
    stdio: ["ignore", log, log],
    // The system's certificate authorities count too: there may be a proxy with one of its own.
    env: { ...process.env, ...hostEnvironment(paths), NODE_USE_SYSTEM_CA: "1" },
  });
  closeSync(log);
  child.unref();
  return () => child.exitCode !== null || child.signalCode !== null;
}

/** The error to show. A detached host wrote its reason to `output`, from `from` on. */
async function whyNot(what: string, output: string, from: number, service: Service | null): Promise<Misuse> {
  if (service) return new Misuse(what, service.hint);
  const said = await lastLines(output, "debug", 15, from);
  const reason = said.map((line) => `\n    ${line}`).join("");
  return new Misuse(reason ? `${what}:${reason}` : what, "More: ./bin/ncl logs; then try again: ./bin/ncl up");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
