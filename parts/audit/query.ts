/** Questions to the audit log. Each uses an index, so that none reads through months of records for a page of them. */
import type { AuditRecord } from "../../packages/audit-chain/record.ts";
import type { Database, Value } from "../../src/lib/sqlite.ts";

export interface Filter {
  actor?: string | undefined;
  verb?: string | undefined;
  resource?: string | undefined;
  decision?: AuditRecord["decision"] | undefined;
  session?: string | undefined;
  turn?: number | undefined;
  /** Milliseconds since the epoch, both included. */
  since?: number | undefined;
  until?: number | undefined;
  /** Only records above this number. */
  after?: number | undefined;
}

const COLUMNS = "seq, at, actor, verb, resource, decision, detail, cause, session, turn, version";
/** Turns that are looked through for a message that was taken up together with others. */
const MOST_TURNS = 200;

export class Records {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  get last(): number {
    return this.#db.get<{ seq: number }>("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1")?.seq ?? 0;
  }

  one(seq: number): AuditRecord | undefined {
    return this.#db.get(`SELECT ${COLUMNS} FROM audit WHERE seq=?`, seq);
  }

  /** The latest `limit` that fit, oldest first; by their time where that is asked for, else by their number. */
  latest(filter: Filter, limit: number): AuditRecord[] {
    const { sql, values } = question(filter);
    return this.#db.all<AuditRecord>(sql, ...values, limit).reverse();
  }

  /** The first `limit` above `after`, in order. */
  next(after: number, limit: number): AuditRecord[] {
    return this.#db.all(`SELECT ${COLUMNS} FROM audit WHERE seq>? ORDER BY seq LIMIT ?`, after, limit);
  }

  /** Those that a record led to, in order. */
  effects(of: AuditRecord, limit: number): AuditRecord[] {
    const direct = this.#db.all<AuditRecord>(
      `SELECT ${COLUMNS} FROM audit WHERE cause=? ORDER BY seq LIMIT ?`,
      ...[of.seq, limit],
    );
    // What a turn does after it took a message in stands under its start.
    if (of.verb === "turn.feed") return this.#effectsOfTurn(of, limit);
    return of.verb === "message.accept" ? [...this.#taking(of), ...direct].sort((a, b) => a.seq - b.seq) : direct;
  }

  #effectsOfTurn({ seq, session, turn }: AuditRecord, limit: number): AuditRecord[] {
    return this.#db.all(
      `SELECT ${COLUMNS} FROM audit WHERE seq>?1 AND cause=(
         SELECT seq FROM audit WHERE session=?2 AND turn=?3 AND verb='turn.start' LIMIT 1) ORDER BY seq LIMIT ?4`,
      ...[seq, session, turn, limit],
    );
  }

  /** Turns that took this message up beside the one that was their cause. */
  #taking({ seq, session, detail }: AuditRecord): AuditRecord[] {
    const { number } = JSON.parse(detail) as { number?: number };
    return this.#db
      .all<AuditRecord>(
        `SELECT ${COLUMNS} FROM audit WHERE session=? AND seq>? AND verb IN ('turn.start','turn.feed') ORDER BY seq LIMIT ?`,
        ...[session, seq, MOST_TURNS],
      )
      .filter((taker) => taker.cause !== seq)
      .filter(({ detail: own }) => (JSON.parse(own) as { messages?: number[] }).messages?.includes(number ?? -1));
  }
}

/** The latest come first. Pure, so that a test can ask how it would be answered. */
export function question(filter: Filter): { sql: string; values: Value[] } {
  const parts: [string, Value][] = [];
  for (const field of ["actor", "verb", "resource", "decision", "session", "turn"] as const)
    if (filter[field] !== undefined) parts.push([`${field}=?`, filter[field]]);
  const byTime = filter.since !== undefined || filter.until !== undefined;
  if (filter.since !== undefined) parts.push(["at>=?", filter.since]);
  if (filter.until !== undefined) parts.push(["at<=?", filter.until]);
  if (filter.after !== undefined) parts.push(["seq>?", filter.after]);
  const where = parts.length > 0 ? `WHERE ${parts.map(([text]) => text).join(" AND ")}` : "";
  // The constant lets the planner see that the index of refusals fits.
  const text = filter.decision === "deny" ? where.replace("decision=?", "decision='deny' AND ?='deny'") : where;
  const order = byTime ? "at DESC, seq DESC" : "seq DESC";
  return {
    sql: `SELECT ${COLUMNS} FROM audit ${text} ORDER BY ${order} LIMIT ?`,
    values: parts.map(([, value]) => value),
  };
}
