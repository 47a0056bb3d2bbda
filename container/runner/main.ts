/** The first program of a container: runs until it is told to stop or can't go on. Exit codes: see exit.ts. */
import { inside } from "../../protocol/layout.ts";
import { startRunner } from "./app.ts";
import { runUntilStopped } from "./process.ts";

await runUntilStopped(() => startRunner(inside));
