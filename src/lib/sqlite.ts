/**
 * The storage port: a SQLite database with transactions that know when they have committed. Durable means committed
 * with synchronous=FULL; whoever waits on a commit is called after it, never before.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Retryable } from "./errors.ts";

export type Value = SQLInputValue;

export class Database {
  readonly #raw: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  #afterCommit: (() => void)[] = [];

  /** @param path a file, or ":memory:". */
  constructor(path: string) {
    // The patience comes first: after a crash a reader (`scripts/q.ts`) may be rolling the log forward right now.
    this.#raw = new DatabaseSync(path, { timeout: 2000 });
    this.#raw.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-4000");
  }

  exec(sql: string): void {
    this.#raw.exec(sql);
  }

  /** All rows, shaped as the caller says: the schema is ours, so the cast is made once, here. */
  all<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#explaining(() => this.#prepare(sql).all(...values) as Row[]);
  }

  get<Row>(sql: string, ...values: Value[]): Row | undefined {
    return this.#explaining(() => this.#prepare(sql).get(...values) as Row | undefined);
  }

  /** @returns how many rows changed. */
  run(sql: string, ...values: Value[]): number {
    return this.#explaining(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /**
   * Runs `work` in one transaction, or as part of the one that is open. If it throws, nothing of it happened.
   * @throws Retryable when the disk is full
   */
  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0) return work();
    this.#raw.exec("BEGIN IMMEDIATE");
    this.#depth = 1;
    let result: Result;
    try {
      result = work();
      this.#raw.exec("COMMIT");
    } catch (error) {
      this.#afterCommit = [];
      if (this.#raw.isTransaction) this.#raw.exec("ROLLBACK");
      throw explained(error);
    } finally {
      this.#depth = 0;
    }
    const callbacks = this.#afterCommit;
    this.#afterCommit = [];
    for (const callback of callbacks) callback();
    return result;
  }

  /** Like `transaction`, but what fails inside an open one is undone by itself, and that one goes on. */
  attempt<Result>(work: () => Result): Result {
    if (this.#depth === 0) return this.transaction(work);
    const callbacks = this.#afterCommit.length;
    this.#raw.exec("SAVEPOINT attempt");
    try {
      const result = work();
      this.#raw.exec("RELEASE attempt");
      return result;
    } catch (error) {
      this.#afterCommit.length = callbacks;
      // A full disk may have undone the whole transaction already.
      if (this.#raw.isTransaction) this.#raw.exec("ROLLBACK TO attempt; RELEASE attempt");
      throw explained(error);
    }
  }

  /** Calls `callback` once the open transaction has committed; never if it is rolled back. It must not throw. */
  afterCommit(callback: () => void): void {
    if (this.#depth > 0) this.#afterCommit.push(callback);
    else callback();
  }

  close(): void {
    this.#raw.close();
  }

  #explaining<Result>(execute: () => Result): Result {
    try {
      return execute();
    } catch (error) {
      throw explained(error);
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#raw.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;

function explained(error: unknown): unknown {
  const code = (error as { errcode?: number } | null)?.errcode;
  // The primary code is in the low byte. A full disk shows as either, by the step that met it.
  if (code !== undefined && [SQLITE_FULL, SQLITE_IOERR].includes(code & 0xff)) {
    return new Retryable(`the disk is full or refuses to write; nothing of this was kept (${String(error)})`);
  }
  return error;
}
