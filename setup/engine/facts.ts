/** Looks at the machine: everything that the decision about the container engine needs. */
import { existsSync } from "node:fs";
import { distribution } from "../packages.ts";
import { lastWords, type Shell } from "../shell.ts";
import type { Context } from "../step.ts";
import { type EngineFacts, forbidden } from "./plan.ts";

/** Milliseconds for the engine's answer: it may be busy with its own start. */
const PATIENCE = 20_000;

/** The path of a command, or null. */
export async function which(shell: Shell, name: string): Promise<string | null> {
  const found = await shell.run(["sh", "-c", 'command -v "$1"', "which", name]);
  return found.code === 0 ? found.stdout.trim() : null;
}

export async function askEngine(shell: Shell): Promise<EngineFacts["answer"]> {
  const format = '{"version":{{json .ServerVersion}},"runtimes":{{json .Runtimes}}}';
  const ran = await shell.run(["docker", "info", "--format", format], { deadline: PATIENCE });
  try {
    const { version, runtimes } = JSON.parse(ran.stdout) as {
      version: string;
      runtimes: Record<string, unknown> | null;
    };
    // The client exits with 0 and says nothing of the server where none answers.
    if (version) return { status: "ready", version, runtimes: Object.keys(runtimes ?? {}) };
  } catch {
    // Not an answer: what it said instead is in stderr.
  }
  return { status: forbidden(ran.stderr) ? "forbidden" : "silent", detail: lastWords(ran) };
}

export async function gatherFacts({ shell, env }: Context, wantsGvisor: boolean): Promise<EngineFacts> {
  const [client, daemon, gvisor, answer] = await Promise.all([
    which(shell, "docker"),
    which(shell, "dockerd"),
    which(shell, "runsc"),
    askEngine(shell),
  ]);
  return {
    platform: process.platform,
    distribution: distribution(),
    systemd: existsSync("/run/systemd/system"),
    hasClient: client !== null,
    hasDaemon: daemon !== null,
    hasGvisor: gvisor !== null,
    dockerHost: env.DOCKER_HOST ?? null,
    answer,
    wantsGvisor,
  };
}
