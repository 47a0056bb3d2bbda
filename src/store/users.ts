/** People, as `channel:handle`, and the roles they hold. */
import type { UserId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";

export interface User {
  id: UserId;
  name: string;
  timeZone: string | null;
}

export class Users {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  put(user: User, now: number): void {
    this.#db.run(
      `INSERT INTO users (id, name, time_zone, created_at) VALUES (?,?,?,?)
       ON CONFLICT (id) DO UPDATE SET name=excluded.name, time_zone=coalesce(excluded.time_zone, time_zone)`,
      ...[user.id, user.name, user.timeZone, now],
    );
  }

  user(id: UserId): User | undefined {
    return this.#db.get("SELECT id, name, time_zone AS timeZone FROM users WHERE id=?", id);
  }

  owners(): UserId[] {
    return this.#db.all<{ id: UserId }>("SELECT user_id AS id FROM roles WHERE role='owner'").map((row) => row.id);
  }

  /** Where the people are: the time zone of the first owner who has told one. */
  timeZone(): string {
    const sql = `SELECT time_zone AS zone FROM users JOIN roles ON user_id = id
       WHERE role='owner' AND time_zone IS NOT NULL ORDER BY created_at, id LIMIT 1`;
    return this.#db.get<{ zone: string }>(sql)?.zone ?? "UTC";
  }

  grantOwner(id: UserId): void {
    this.#db.run("INSERT OR IGNORE INTO roles (user_id, role) VALUES (?, 'owner')", id);
  }

  /** Nobody but this person and the agent reads that chat. */
  meetIn(id: UserId, channel: string, chat: string): void {
    if (this.#db.get("SELECT 1 FROM direct_chats WHERE channel=? AND chat=?", channel, chat)) return;
    this.#db.run("INSERT INTO direct_chats (user_id, channel, chat) VALUES (?,?,?)", id, channel, chat);
  }

  /** A channel is gone: nobody is met there any more. */
  leave(channel: string): void {
    this.#db.run("DELETE FROM direct_chats WHERE channel=?", channel);
  }

  /** Where owners can be told something that nobody else is to read, beside the terminal. */
  directChats(): Address[] {
    return this.#db.all(
      `SELECT channel, chat, NULL AS thread FROM direct_chats d
       WHERE EXISTS (SELECT 1 FROM roles r WHERE r.user_id = d.user_id AND role='owner')`,
    );
  }

  isOwner(id: UserId): boolean {
    return this.#db.get("SELECT 1 FROM roles WHERE user_id=? AND role='owner'", id) !== undefined;
  }
}
