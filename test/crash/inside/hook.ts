/**
 * Preloaded into the runner (Bun) of a container: kills it at a step of its journal, as the engine would, with SIGKILL.
 * NANOCLAW_CRASH_INSIDE says where. A file in the
 * provider's folder, which outlives the container, has one byte for each that died.
 */
import { appendFileSync, statSync } from "node:fs";
import { DatabaseSync, StatementSync } from "node:sqlite";

/** At the commit of the `nth` row of that kind. */
export interface InsidePlan {
  kind: string;
  nth: number;
  /** `within`: the journal is hot, and part of the commit is in the file. */
  phase: "before" | "within" | "after";
  /** In so many containers, one after the other. */
  times: number;
}

const MARK = "/nanoclaw/provider/crash-mark";
const plan = JSON.parse(process.env.NANOCLAW_CRASH_INSIDE ?? "{}") as InsidePlan;
let passed = 0;
let due = false;

const run = StatementSync.prototype.run;
StatementSync.prototype.run = function (...values: unknown[]) {
  // The writer's one statement that puts a row: number, kind, body.
  if (values.length === 3 && values[1] === plan.kind) {
    passed += 1;
    due = passed === plan.nth;
  }
  return run.apply(this, values as Parameters<typeof run>);
};

const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (sql: string) {
  // Has an effect outside of a transaction only; the usual cache is large enough for all.
  if (plan.phase === "within" && sql === "BEGIN") exec.call(this, "PRAGMA cache_spill = 1");
  if (!due || !/\bCOMMIT\b/.test(sql) || deaths() >= plan.times) return exec.call(this, sql);
  appendFileSync(MARK, "x");
  if (plan.phase === "before") die();
  if (plan.phase === "within") {
    // A cache without room spills: pages go to the file, and before them the old ones to the journal.
    exec.call(this, "PRAGMA cache_size = 1; INSERT INTO row VALUES (1000001, 'spill', hex(zeroblob(100000)))");
    die();
  }
  exec.call(this, sql);
  die();
};

function deaths(): number {
  return statSync(MARK, { throwIfNoEntry: false })?.size ?? 0;
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;);
}
