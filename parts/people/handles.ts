/** Which handles are one person, and which roles were given to which. */

import type { UserId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Grant } from "../../src/store/users.ts";

/** By which all handles of a person are found: one of them stands for the person. */
const PERSON = "coalesce(person, id)";

export class Handles {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  all(): UserId[] {
    return this.#db.all<{ id: UserId }>(`SELECT id FROM users ORDER BY ${PERSON}, created_at, id`).map(({ id }) => id);
  }

  /** The other handles of the same person. */
  others(id: UserId): UserId[] {
    const sql = `SELECT id FROM users WHERE id <> ?1 AND ${PERSON} = (SELECT ${PERSON} FROM users WHERE id=?1) ORDER BY id`;
    return this.#db.all<{ id: UserId }>(sql, id).map((row) => row.id);
  }

  /** All handles of the one and all of the other are one person from now on. */
  link(id: UserId, other: UserId): void {
    this.#db.run(
      `UPDATE users SET person = (SELECT ${PERSON} FROM users WHERE id=?2)
       WHERE ${PERSON} = (SELECT ${PERSON} FROM users WHERE id=?1)`,
      ...[id, other],
    );
  }

  unlink(id: UserId): void {
    const others = this.others(id);
    // It may have stood for the person: then one of the others does.
    for (const other of others) this.#db.run("UPDATE users SET person=? WHERE id=?", others[0] ?? null, other);
    this.#db.run("UPDATE users SET person=NULL WHERE id=?", id);
  }

  /** Everybody who was given one of these roles. */
  holding(roles: Grant["role"][]): ({ id: UserId } & Grant)[] {
    const sql = `SELECT user_id AS id, role, nullif(agent_group_id, '') AS agentGroup FROM roles
      WHERE role IN (SELECT value FROM json_each(?)) ORDER BY user_id, role, agent_group_id`;
    return this.#db.all(sql, JSON.stringify(roles));
  }

  /** From whichever handle of the person it was given to. @returns false where they don't hold it */
  revoke(id: UserId, { role, agentGroup }: Grant): boolean {
    const sql = "DELETE FROM roles WHERE role=? AND agent_group_id=? AND user_id IN (SELECT value FROM json_each(?))";
    return this.#db.run(sql, role, agentGroup ?? "", JSON.stringify([id, ...this.others(id)])) > 0;
  }
}
