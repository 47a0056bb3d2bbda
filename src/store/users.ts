/** People, as `channel:handle`, and the roles they hold. One person may have many handles: their roles hold for all of them. */
import type { Role } from "../../api/verb.ts";
import type { MessagingGroupId, UserId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";

/** A role that a person holds: for one agent group, or for all of them. */
export interface Grant {
  role: Role;
  agentGroup: string | null;
}

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

  /** The user must be known. @param agentGroup null for all of them */
  grant(id: UserId, { role, agentGroup }: Grant): void {
    const sql = "INSERT OR IGNORE INTO roles (user_id, role, agent_group_id) VALUES (?,?,?)";
    this.#db.run(sql, id, role, agentGroup ?? "");
  }

  grantOwner(id: UserId): void {
    this.grant(id, { role: "owner", agentGroup: null });
  }

  /** All that the person may, whichever of their handles this is. */
  grants(id: UserId): Grant[] {
    const sql = "SELECT role, nullif(agent_group_id, '') AS agentGroup FROM held_roles WHERE user_id=?";
    return this.#db.all(sql, id);
  }

  isOwner(id: UserId): boolean {
    return this.#db.get("SELECT 1 FROM held_roles WHERE user_id=? AND role='owner'", id) !== undefined;
  }

  /** Somebody who may speak in a room without a role. The user must be known. */
  addMember(id: UserId, room: MessagingGroupId, now: number): void {
    this.#db.run("INSERT OR IGNORE INTO members (user_id, messaging_group_id, since) VALUES (?,?,?)", id, room, now);
  }

  isMember(id: UserId, room: MessagingGroupId): boolean {
    return this.#db.get("SELECT 1 FROM members WHERE user_id=? AND messaging_group_id=?", id, room) !== undefined;
  }
}
