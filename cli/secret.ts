/** Secrets come from a hidden prompt, standard input or a file; never from the command line, where all may see them. */
import { readFileSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { exit, Leave, Usage } from "./outcome.ts";

/** @param file a path, `-` for standard input, or undefined to ask (without a terminal: standard input) */
export async function readSecret(what: string, file: string | undefined): Promise<string> {
  const secret = file !== undefined && file !== "-" ? fromFile(file) : await askOrRead(what, file);
  if (secret.trim() === "") throw new Usage(`${what} is empty`);
  return secret.trim();
}

function fromFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Usage(`can't read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

async function askOrRead(what: string, file: string | undefined): Promise<string> {
  if (file === "-" || !process.stdin.isTTY) return readAll(process.stdin);
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message: `${what} (not shown)`, output: process.stderr });
  if (isCancel(answer)) throw new Leave(exit.interrupted);
  return answer;
}
