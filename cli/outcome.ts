/** How a command ends: exit codes, and errors in words. */
import { CommanderError } from "commander";
import { messageOf } from "../src/lib/errors.ts";
import { HostDown, VerbError } from "./client.ts";
import { plain } from "./text.ts";

export const exit = { ok: 0, failed: 1, usage: 2, hostDown: 3, timeout: 124, interrupted: 130 } as const;

export const EXIT_CODES = `Exit codes: 0 done, 1 failed, 2 wrong use, 3 the host is not running, 124 timed out, 130 interrupted.`;

/** The command line itself is wrong. */
export class Usage extends Error {
  override readonly name = "Usage";
  readonly hint: string;
  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/** Ends the process with this code; everything was said already. */
export class Leave extends Error {
  override readonly name = "Leave";
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** What to say on stderr about an error, and the exit code. Empty text where all was said already. */
export function outcomeOf(error: unknown): { code: number; text: string } {
  if (error instanceof Leave) return { code: error.code, text: "" };
  // Commander has printed its own message and usage.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? exit.ok : exit.usage, text: "" };
  const hint = typeof error === "object" && error && "hint" in error ? String(error.hint) : "";
  return { code: codeOf(error), text: `${plain(messageOf(error))}\n${hint ? `  ${plain(hint)}\n` : ""}` };
}

function codeOf(error: unknown): number {
  if (error instanceof HostDown) return exit.hostDown;
  if (error instanceof Usage) return exit.usage;
  if (error instanceof VerbError && error.code === "bad_arguments") return exit.usage;
  return exit.failed;
}

/** Runs a command to its end and sets the exit code. `name` goes before errors. */
export async function runCommand(name: string, command: () => Promise<void>): Promise<void> {
  // A reader that had enough (`ncl logs | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  try {
    await command();
  } catch (error) {
    const { code, text } = outcomeOf(error);
    if (text) process.stderr.write(`${name}: ${text}`);
    process.exitCode = code;
  }
}
