/** Codes by which a chat of a platform proves that it belongs to whoever sits at this machine. Only hashes are kept. */
import { createHash } from "node:crypto";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";

export interface Pairing {
  channel: string;
  agentGroup: AgentGroupId;
}

export class Pairings {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** A new code of a channel replaces the one before. */
  add(code: string, { channel, agentGroup }: Pairing, expiresAt: number): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM pairings WHERE channel=?", channel);
      this.#db.run(
        "INSERT INTO pairings (code_hash, channel, agent_group_id, expires_at) VALUES (?,?,?,?)",
        ...[hashOf(code), channel, agentGroup, expiresAt],
      );
    });
  }

  /** Uses a code up. @returns null where there is none such, or it is too late */
  take(code: string, channel: string, now: number): Pairing | null {
    const row = this.#db.get<Pairing & { expiresAt: number }>(
      `DELETE FROM pairings WHERE code_hash=? AND channel=?
       RETURNING channel, agent_group_id AS agentGroup, expires_at AS expiresAt`,
      ...[hashOf(code), channel],
    );
    return row && row.expiresAt > now ? { channel: row.channel, agentGroup: row.agentGroup } : null;
  }
}

const hashOf = (code: string) => createHash("sha256").update(code.toLowerCase()).digest("hex");
