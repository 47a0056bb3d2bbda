/**
 * A runner as a process of its own over a layout that a test made: `process.ts <layout as JSON> <ms to let go>`. Not for
 * containers.
 */
import { startRunner } from "../../../container/runner/app.ts";
import { runUntilStopped } from "../../../container/runner/process.ts";

await runUntilStopped(() => startRunner(JSON.parse(process.argv[2] ?? "{}"), Number(process.argv[3])));
