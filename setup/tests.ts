/** `bash nanoclaw.sh test`: brings what the tests need, runs every suite, and stops what it started. */
import { messageOf } from "../src/lib/errors.ts";
import { stopDaemon } from "./engine/daemon.ts";
import { which } from "./engine/facts.ts";
import { installPackages } from "./packages.ts";
import type { Progress } from "./progress.ts";
import { type Context, runSteps, type Step, StepFailure } from "./step.ts";
import { dependencies } from "./steps/dependencies.ts";
import { engine } from "./steps/engine.ts";
import { image } from "./steps/image.ts";

/** Programs that tests run and the product does not need. */
const TEST_TOOLS = ["curl", "openssl"];

const testTools: Step = {
  name: "test tools",
  async todo({ shell }) {
    const found = await Promise.all(TEST_TOOLS.map((name) => which(shell, name)));
    return found.every(Boolean) ? null : `installing ${TEST_TOOLS.join(", ")}`;
  },
  async run(context, report) {
    await installPackages(context, TEST_TOOLS, report);
    return TEST_TOOLS.join(", ");
  },
};

/** @returns the exit code of the suites */
export async function runTests(context: Context, progress: Progress, full: boolean): Promise<number> {
  const { shell, paths } = context;
  let daemon: number | null = null;
  const started = (pid: number) => {
    daemon = pid;
  };
  try {
    await runSteps([dependencies("all"), testTools, engine({ gvisor: true, started }), image], context, progress);
    const suites = [process.execPath, "test/support/run-suites.ts", "all", ...(full ? ["--full"] : [])];
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    return await shell.hand(suites, paths.root, stop.signal);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    process.stderr.write(
      `\nnanoclaw: ${error.step}: ${messageOf(error)}\nNext: ${error.next}\nLog: ${shell.logFile}\n`,
    );
    return 1;
  } finally {
    // Its images stay in the default data folder, so that the next run need not build them again.
    if (daemon !== null) await stopDaemon(context, daemon);
  }
}
