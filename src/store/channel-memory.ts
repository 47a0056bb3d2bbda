/** What a channel keeps for itself: cursors, ids. Small values by key, durable when `set` returns. */
import type { Database } from "../lib/sqlite.ts";

export class ChannelMemory {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  of(channel: string) {
    return {
      get: (key: string): string | null =>
        this.#db.get<{ value: string }>("SELECT value FROM channel_memory WHERE channel=? AND key=?", channel, key)
          ?.value ?? null,
      set: (key: string, value: string | null): void => {
        if (value === null) this.#db.run("DELETE FROM channel_memory WHERE channel=? AND key=?", channel, key);
        else
          this.#db.run(
            "INSERT OR REPLACE INTO channel_memory (channel, key, value) VALUES (?,?,?)",
            channel,
            key,
            value,
          );
      },
    };
  }

  forget(channel: string): void {
    this.#db.run("DELETE FROM channel_memory WHERE channel=?", channel);
  }
}
