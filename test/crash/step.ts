/** Runs a step of the host as a point: notes that it is passed, and kills this process where that point is the target. */
import fs from "node:fs";
import { caller } from "./label.ts";
import type { Target } from "./points.ts";

// As they were before hook.ts puts others in their place.
const { openSync, writeSync } = fs;
const record = process.env.NANOCLAW_CRASH_RECORD ? openSync(process.env.NANOCLAW_CRASH_RECORD, "a") : null;
const target = process.env.NANOCLAW_CRASH_AT ? (JSON.parse(process.env.NANOCLAW_CRASH_AT) as Target) : null;
let passed = 0;
/** Node's own functions use each other: only the outermost is a step. */
let within = false;

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing of this process may happen any more.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** A label that ends with "*" stands for all that begin so. */
function isTarget(label: string): boolean {
  const wanted = target?.label ?? "";
  return wanted.endsWith("*") ? label.startsWith(wanted.slice(0, -1)) : label === wanted;
}

/** One point: notes it, and dies where it is the target. @returns what to call once the step is done. */
export function point(label: string, half?: () => void): () => void {
  if (record !== null) writeSync(record, `${label}\n`);
  if (!target || !isTarget(label)) return () => {};
  passed += 1;
  if (passed !== target.nth) return () => {};
  if (target.phase === "before") die();
  if (target.phase === "half") {
    half?.();
    die();
  }
  return die;
}

/** Runs a synchronous step as a point of that kind, if the product's code asked for it. */
export function step<Result>(kind: string, run: () => Result, half?: () => void): Result {
  const who = within ? null : caller();
  if (who === null) return run();
  within = true;
  try {
    const done = point(`${kind} ${who}`, half);
    const result = run();
    done();
    return result;
  } finally {
    within = false;
  }
}

/** The same for one that ends later: `after` is when it has succeeded. */
export async function later<Result>(kind: string, run: () => Promise<Result>): Promise<Result> {
  const who = caller();
  if (who === null) return run();
  const done = point(`${kind} ${who}`);
  const result = await run();
  done();
  return result;
}
