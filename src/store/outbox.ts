/**
 * What is to be said: pending -> sending -> sent | retry | unknown | dead. A row is durable before it is sent and
 * marked `sending` before the platform sees it, so that a crash never hides a message or an attempt.
 */
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";

export type OutboxState = "pending" | "sending" | "sent" | "retry" | "unknown" | "dead";

export interface OutboxRow {
  id: number;
  sessionId: SessionId | null;
  channel: string;
  chat: string;
  thread: string | null;
  author: "agent" | "system";
  text: string;
  /** Platform ids of the messages that this one answers. */
  answers: string[];
  /** Idempotency key: the same for every try. */
  key: string;
  state: OutboxState;
  tries: number;
  /** Not before this time, milliseconds since the epoch. */
  nextAt: number;
  error: string | null;
  createdAt: number;
}

export interface NewOutboxRow {
  sessionId: SessionId | null;
  turn: number | null;
  address: Address;
  author: "agent" | "system";
  text: string;
  answers: string[];
  key: string;
}

const COLUMNS = `id, session_id AS sessionId, channel, chat, thread, author, text, answers, key, state, tries,
  next_at AS nextAt, error, created_at AS createdAt`;
const OPEN = "state IN ('pending','sending','retry')";

export class Outbox {
  readonly #db: Database;
  /** Called after each commit that added a row or made one due. */
  #wake: () => void = () => {};
  constructor(db: Database) {
    this.#db = db;
  }

  /** One listener: the delivery. */
  onWork(wake: () => void): void {
    this.#wake = wake;
  }

  /** Adds a row; one with the same key that is there already stays as it is. */
  add(row: NewOutboxRow, now: number): void {
    this.#db.run(
      `INSERT INTO outbox (session_id, turn, channel, chat, thread, author, text, answers, key, state, created_at)
       VALUES (?,?,?,?,?,?,?,?,?,'pending',?) ON CONFLICT (key) DO NOTHING`,
      ...[row.sessionId, row.turn, row.address.channel, row.address.chat, row.address.thread, row.author, row.text],
      ...[JSON.stringify(row.answers), row.key, now],
    );
    this.#db.afterCommit(() => this.#wake());
  }

  /** The first open row of each conversation: only these may be sent, so order is kept. */
  heads(): OutboxRow[] {
    return this.#db
      .all<StoredOutboxRow>(
        `SELECT ${COLUMNS} FROM outbox WHERE id IN
           (SELECT min(id) FROM outbox WHERE ${OPEN} GROUP BY channel, chat, thread) ORDER BY id`,
      )
      .map(parse);
  }

  list(state: OutboxState | null, limit: number): OutboxRow[] {
    const rows = state
      ? this.#db.all<StoredOutboxRow>(
          `SELECT ${COLUMNS} FROM outbox WHERE state=? ORDER BY id DESC LIMIT ?`,
          state,
          limit,
        )
      : this.#db.all<StoredOutboxRow>(`SELECT ${COLUMNS} FROM outbox ORDER BY id DESC LIMIT ?`, limit);
    return rows.map(parse);
  }

  claim(id: number): void {
    this.#db.run("UPDATE outbox SET state='sending', tries=tries+1 WHERE id=?", id);
  }

  sent(id: number, platformId: string, now: number): void {
    this.#db.run(
      "UPDATE outbox SET state='sent', platform_id=?, error=NULL, ended_at=? WHERE id=?",
      ...[platformId, now, id],
    );
  }

  /** Makes a row due again at `nextAt`; `sending` where it may have arrived already. */
  again(id: number, state: "retry" | "sending", nextAt: number, error: string): void {
    this.#db.run("UPDATE outbox SET state=?, next_at=?, error=? WHERE id=?", state, nextAt, error, id);
  }

  end(id: number, state: "unknown" | "dead", error: string, now: number): void {
    this.#db.run("UPDATE outbox SET state=?, error=?, ended_at=? WHERE id=?", state, error, now, id);
  }

  /** Makes a dead or unknown row due again, by hand. @returns false when there is no such row. */
  reopen(id: number): boolean {
    const sql = `UPDATE outbox SET state=CASE state WHEN 'unknown' THEN 'sending' ELSE 'retry' END, next_at=0, tries=0,
      ended_at=NULL WHERE id=? AND state IN ('dead','unknown','retry')`;
    const changed = this.#db.run(sql, id) === 1;
    if (changed) this.#db.afterCommit(() => this.#wake());
    return changed;
  }

  counts(): Partial<Record<OutboxState, number>> {
    const rows = this.#db.all<{ state: OutboxState; count: number }>(
      "SELECT state, count(*) AS count FROM outbox WHERE state <> 'sent' GROUP BY state",
    );
    return Object.fromEntries(rows.map((row) => [row.state, row.count]));
  }
}

type StoredOutboxRow = Omit<OutboxRow, "answers"> & { answers: string };
const parse = (row: StoredOutboxRow): OutboxRow => ({ ...row, answers: JSON.parse(row.answers) as string[] });
