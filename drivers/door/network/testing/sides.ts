/** Starts what is at the two ends of the door: side-process.ts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

type Life = Pick<TestContext, "after">;

export interface Web {
  /** Of "bench.test" and of "tunnel.test": the same server, under two names. */
  ports: [number, number];
  /** Whose certificates it shows, as PEM. */
  ca: string;
  pid: number;
}

/** A server that answers /down?count=BYTES[&rate=BYTES A SECOND], /up, /events?count=N, /held, and all else with a word. */
export const startWeb = (t: Life) => start<Web>(t, process.execPath, ["server"]);

/** A relay as it runs in a container. */
export const startRelay = (t: Life, socket: string) =>
  start<{ port: number; pid: number }>(t, containersRuntime(), ["relay", socket]);

async function start<Said>(t: Life, program: string, args: string[]): Promise<Said> {
  const child = spawn(program, [join(import.meta.dirname, "side-process.ts"), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.stdin.end());
  const [line] = await once(createInterface(child.stdout), "line");
  return { ...JSON.parse(line), pid: child.pid } as Said;
}

/** What the container runs its relay with; Node where that is not installed. */
function containersRuntime(): string {
  const runner = join(import.meta.dirname, "../../../../container/runner/package.json");
  const bun = createRequire(createRequire(runner).resolve("bun/package.json"));
  const found = bun.resolve(`@oven/bun-${process.platform}-${process.arch}/bin/bun`);
  return existsSync(found) ? found : process.execPath;
}
