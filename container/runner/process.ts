/** A runner as a process: signals in, exit code out. */

import { exitCode } from "../../protocol/exit-code.ts";
import type { Runner } from "./app.ts";
import { Fatal } from "./fatal.ts";

/** How long an orderly stop may take before the process just ends, in milliseconds. */
const STOP_TIME = 1000;

/** Starts a runner and ends the process when it has ended. Never returns otherwise. */
export async function runUntilStopped(start: () => Promise<Runner>): Promise<void> {
  let runner: Runner | null = null;
  const stop = () => {
    setTimeout(() => process.exit(exitCode.stopped), STOP_TIME);
    void (runner?.stop() ?? Promise.resolve()).finally(() => process.exit(exitCode.stopped));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  try {
    runner = await start();
    throw await runner.failed;
  } catch (error) {
    process.stderr.write(`${error instanceof Fatal ? error.message : String(error)}\n`);
    process.exit(error instanceof Fatal ? error.code : exitCode.crashed);
  }
}
