/** One host per data folder. The lock is a SQLite one, so the kernel drops it however the process ends. */
import { DatabaseSync } from "node:sqlite";
import { Misuse } from "./errors.ts";

/** @throws Misuse when another process holds it. The lock lasts until `release` or the end of the process. */
export function takeLock(file: string): { release(): void } {
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA busy_timeout=0; PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    if (!/locked|busy/i.test(String(error))) throw error;
    throw new Misuse(
      `another NanoClaw host already runs on this data folder (lock ${file})`,
      "Use it (`ncl status`), or stop it first with `ncl down`.",
    );
  }
  return { release: () => db.close() };
}
