/** Runs what a scheduled task wants done before the agent is asked, and reads from its output whether the agent is. */
import { spawn } from "node:child_process";
import { z } from "zod";

/** Longest run, in milliseconds, and how much of its output is kept, in characters: the end. */
const LIMIT = 60_000;
const MAX_OUTPUT = 20_000;

export interface ScriptEnd {
  /** Whether the agent is to be asked. A script that fails wakes it, so that somebody hears of it. */
  wake: boolean;
  /** What it printed, for the agent; with how it failed, if it did. */
  output: string;
}

const verdict = z.object({ wake: z.boolean() });

/** Never rejects. @param signal ends it early; then the agent is not asked */
export async function runScript(script: string, cwd: string, signal: AbortSignal, limit = LIMIT): Promise<ScriptEnd> {
  // A group of its own, so that what it started ends with it.
  const child = spawn("bash", ["-c", script], { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let failure = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString("utf8")).slice(-MAX_OUTPUT);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const end = () => {
    try {
      if (child.pid) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  const timer = setTimeout(() => {
    failure = `it did not end within ${limit / 1000} seconds`;
    end();
  }, limit);
  signal.addEventListener("abort", end);
  const code = await new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      failure = error.message;
      resolve(null);
    });
    child.on("close", resolve);
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  if (signal.aborted) return { wake: false, output: "" };
  if (code !== 0) failure ||= `it ended with code ${code ?? "none: it was killed"}`;
  if (failure) return { wake: true, output: `${output.trim()}\n(The script failed: ${failure}.)`.trim() };
  const lines = output.trimEnd().split("\n");
  const said = verdictIn(lines.at(-1) ?? "");
  return { wake: said ?? true, output: (said === null ? lines : lines.slice(0, -1)).join("\n").trim() };
}

function verdictIn(line: string): boolean | null {
  try {
    return verdict.safeParse(JSON.parse(line)).data?.wake ?? null;
  } catch {
    return null;
  }
}
