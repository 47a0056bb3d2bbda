/** The audit log: append-only, hash-chained, written in the transaction of the effect that it records. */
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../lib/sqlite.ts";
import { type AuditRecord, type ChainedRecord, GENESIS, hashOf, type Verdict, verifyChain } from "./chain.ts";

/** What the caller says; the log adds number, time and hash. */
export interface AuditEntry {
  actor: string;
  verb: string;
  resource: string;
  decision: AuditRecord["decision"];
  detail?: Record<string, unknown>;
}

const COLUMNS = "seq, at, actor, verb, resource, decision, detail, previous, hash";

export class Audit {
  readonly #db: Database;
  readonly #clock: Clock;
  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Appends a record; inside a transaction it is kept or lost with that. */
  append(entry: AuditEntry): void {
    this.#db.transaction(() => {
      const last = this.#db.get<{ seq: number; hash: Uint8Array }>(
        "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
      );
      const previous = last?.hash ?? GENESIS;
      const record: AuditRecord = {
        seq: (last?.seq ?? 0) + 1,
        at: this.#clock.now(),
        actor: entry.actor,
        verb: entry.verb,
        resource: entry.resource,
        decision: entry.decision,
        detail: JSON.stringify(entry.detail ?? {}),
      };
      this.#db.run(
        `INSERT INTO audit (${COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)`,
        ...[record.seq, record.at, record.actor, record.verb, record.resource, record.decision, record.detail],
        ...[previous, hashOf(record, previous)],
      );
    });
  }

  /** The latest `limit` records above `after`, oldest first. */
  list(limit: number, after = 0): AuditRecord[] {
    return this.#db
      .all<AuditRecord>(
        `SELECT seq, at, actor, verb, resource, decision, detail FROM audit WHERE seq>? ORDER BY seq DESC LIMIT ?`,
        ...[after, limit],
      )
      .reverse();
  }

  /** Checks the whole chain, in pages, so that memory stays bounded. */
  verify(): Verdict {
    return verifyChain(this.#pages());
  }

  *#pages(): Generator<ChainedRecord> {
    let after = 0;
    for (;;) {
      const page = this.#db.all<ChainedRecord>(
        `SELECT ${COLUMNS} FROM audit WHERE seq>? ORDER BY seq LIMIT 1000`,
        after,
      );
      yield* page;
      const last = page.at(-1);
      if (!last) return;
      after = last.seq;
    }
  }
}
