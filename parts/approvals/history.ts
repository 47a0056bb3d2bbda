/** Questions as they are kept: pending -> granted | denied | expired | void, once. What was asked never changes. */
import type { Approval, Asked, Choice } from "../../src/approvals/approvals.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Address } from "../../src/store/address.ts";

export type NewApproval = Omit<Approval, "id" | "state" | "choice" | "answeredBy" | "answeredAt" | "usedAt">;
type ApprovalState = Approval["state"];

const COLUMNS = `id, kind, agent_group_id AS agentGroup, session_id AS session, payload, hash, title, text, choices, state,
  channel, chat, thread, asked_at AS askedAt, expires_at AS expiresAt, choice, answered_by AS answeredBy,
  answered_at AS answeredAt, used_at AS usedAt`;
type Stored = Omit<Approval, "choices" | "address"> & { choices: string } & { [Part in keyof Address]: string | null };

export class History implements Asked {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  add(one: NewApproval): number {
    const row = this.#db.get<{ id: number }>(
      `INSERT INTO approvals (kind, agent_group_id, session_id, payload, hash, title, text, choices, state, channel, chat,
         thread, asked_at, expires_at) VALUES (?,?,?,?,?,?,?,?,'pending',?,?,?,?,?) RETURNING id`,
      ...[one.kind, one.agentGroup, one.session, one.payload, one.hash, one.title, one.text],
      ...[JSON.stringify(one.choices), one.address?.channel ?? null, one.address?.chat ?? null],
      ...[one.address?.thread ?? null, one.askedAt, one.expiresAt],
    );
    return row?.id ?? 0;
  }

  approval(id: number): Approval | undefined {
    return this.#rows("id=?", id)[0];
  }

  list(state: ApprovalState | null, limit: number): Approval[] {
    return this.#rows("state=coalesce(?, state) ORDER BY id DESC LIMIT ?", state, limit);
  }

  pending(kind: string, hash: string): Approval | undefined {
    return this.#rows("kind=? AND hash=? AND state='pending'", kind, hash)[0];
  }

  /** Those whose time is over, the oldest first; with a limit in the future, those that will have none left by then. */
  due(now: number): Approval[] {
    return this.#rows("state='pending' AND expires_at<=? ORDER BY expires_at, id", now);
  }

  nextExpiry(): number | null {
    const sql = "SELECT min(expires_at) AS at FROM approvals WHERE state='pending'";
    return this.#db.get<{ at: number | null }>(sql)?.at ?? null;
  }

  /** Gives a pending one less time. */
  expireBy(id: number, at: number): void {
    this.#db.run("UPDATE approvals SET expires_at=min(expires_at, ?) WHERE id=? AND state='pending'", at, id);
  }

  /** @returns false where it is not pending any more */
  end(id: number, state: Exclude<ApprovalState, "pending">, by: string | null, choice: string | null, now: number) {
    const sql = "UPDATE approvals SET state=?, answered_by=?, choice=?, answered_at=? WHERE id=? AND state='pending'";
    return this.#db.run(sql, state, by, choice, now, id) === 1;
  }

  use(kind: string, hash: string, choice: string, since: number, now: number): number | null {
    const sql = `UPDATE approvals SET used_at=? WHERE id = (SELECT id FROM approvals WHERE kind=? AND hash=? AND choice=?
      AND state='granted' AND used_at IS NULL AND answered_at>=? ORDER BY id LIMIT 1) RETURNING id`;
    return this.#db.get<{ id: number }>(sql, now, kind, hash, choice, since)?.id ?? null;
  }

  wasDenied(kind: string, hash: string, since: number): boolean {
    const sql = "SELECT 1 FROM approvals WHERE kind=? AND hash=? AND state='denied' AND answered_at>=?";
    return this.#db.get(sql, kind, hash, since) !== undefined;
  }

  counts(kind: string, session: SessionId, since: number): { open: number; asked: number } {
    const sql = `SELECT coalesce(sum(state='pending'), 0) AS open, coalesce(sum(asked_at>=?), 0) AS asked FROM approvals
      WHERE kind=? AND session_id=? AND (state='pending' OR asked_at>=?)`;
    return this.#db.get<{ open: number; asked: number }>(sql, since, kind, session, since) ?? { open: 0, asked: 0 };
  }

  /** Takes away what a question said; that it was asked, and its hash, stay. */
  forgetText(id: number): void {
    this.#db.run("UPDATE approvals SET payload='{}', text='' WHERE id=?", id);
  }

  #rows(where: string, ...values: (string | number | null)[]): Approval[] {
    return this.#db.all<Stored>(`SELECT ${COLUMNS} FROM approvals WHERE ${where}`, ...values).map(parse);
  }
}

function parse({ channel, chat, thread, choices, ...row }: Stored): Approval {
  const address = channel === null || chat === null ? null : { channel, chat, thread };
  return { ...row, address, choices: JSON.parse(choices) as Choice[] };
}
