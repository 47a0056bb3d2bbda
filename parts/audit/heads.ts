/**
 * Where signed heads are kept: in the database, and in a file of the config folder that whoever has only the data can't
 * change. The latest of each: a head covers everything before it.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Head } from "../../packages/audit-chain/head.ts";
import { headsIn, textOfHeads } from "../../packages/audit-chain/lines.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Database } from "../../src/lib/sqlite.ts";

/** Heads that are kept: they tell where between two of them a log was changed. */
export const KEPT = 200;

export class HeadTable {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** In order. */
  all(): Head[] {
    return this.#db.all("SELECT counter, seq, hash, at, key, signature FROM audit_heads ORDER BY counter");
  }

  add({ counter, seq, hash, at, key, signature }: Head): void {
    this.#db.transaction(() => {
      this.#db.run("INSERT INTO audit_heads VALUES (?,?,?,?,?,?)", counter, seq, hash, at, key, signature);
      this.#db.run("DELETE FROM audit_heads WHERE counter<=?", counter - KEPT);
    });
  }
}

export class HeadFile {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** In the order of the file. @throws Error where it can't be read as heads */
  read(): Head[] {
    try {
      return this.exists ? headsIn(readFileSync(this.path, "utf8")) : [];
    } catch (error) {
      throw new Error(`${this.path} can't be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Puts it there whole or not at all. */
  write(heads: Head[]): void {
    const next = `${this.path}.next`;
    writeFileSync(next, textOfHeads(heads.slice(-KEPT)), { mode: 0o600, flush: true });
    renameSync(next, this.path);
    const folder = openSync(dirname(this.path), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  /** Moves away what can't be read. */
  setAside(): void {
    renameSync(this.path, `${this.path}.damaged`);
  }
}
