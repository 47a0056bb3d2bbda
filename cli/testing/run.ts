/** Runs a command line program to its end, as a person would, against a fake host. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export const ROOT = resolve(import.meta.dirname, "../..");

/** @param run the folder of the control socket; data lives there too */
export async function runProgram(program: string, words: string[], run: string, stdin = ""): Promise<Ended> {
  const env = { ...process.env, NANOCLAW_RUN: run, NANOCLAW_DATA: run, XDG_CONFIG_HOME: run, NO_COLOR: "1" };
  const child = spawn(resolve(ROOT, program), words, { env });
  child.stdin.on("error", () => {}).end(stdin);
  const code = new Promise<number | null>((done) => child.on("close", done));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
