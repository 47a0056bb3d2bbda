/** Settings of the installation: small values by key, each parsed with its own schema. */
import type { z } from "zod";
import type { Database } from "../lib/sqlite.ts";

export class Settings {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  get<Schema extends z.ZodType>(key: string, schema: Schema): z.output<Schema> | null {
    const row = this.#db.get<{ value: string }>("SELECT value FROM settings WHERE key=?", key);
    return row ? schema.parse(JSON.parse(row.value)) : null;
  }

  set(key: string, value: unknown): void {
    this.#db.run("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", key, JSON.stringify(value));
  }
}
