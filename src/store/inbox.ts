/**
 * What was said to an agent: the events, deduplicated for ever, and for each session that hears one a numbered row
 * that lives queued -> in_turn -> done | failed.
 */
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";

export interface InboundEvent {
  channel: string;
  chat: string;
  thread: string | null;
  platformId: string;
  revision: number;
  author: "person" | "system";
  userId: string;
  userName: string;
  text: string;
  saidAt: number;
  receivedAt: number;
}

/** A row of the inbox together with its event. */
export interface InboxRow {
  number: number;
  engages: boolean;
  state: "queued" | "in_turn";
  attempt: number;
  turn: number | null;
  author: "person" | "system";
  userId: string;
  userName: string;
  text: string;
  saidAt: number;
  platformId: string;
}

type StoredRow = Omit<InboxRow, "engages"> & { engages: number };

const ROW_COLUMNS = `i.number, i.engages, i.state, i.attempt, i.turn, e.author, e.user_id AS userId,
  e.user_name AS userName, e.text, e.said_at AS saidAt, e.platform_id AS platformId`;

export class Inbox {
  readonly #db: Database;
  /** Called after each commit that ended rows. */
  #ended: () => void = () => {};
  constructor(db: Database) {
    this.#db = db;
  }

  /** One listener: the scheduler of tasks. */
  onEnd(ended: () => void): void {
    this.#ended = ended;
  }

  /** @returns the event's id, or null when this very event was recorded before. */
  addEvent(event: InboundEvent): number | null {
    const row = this.#db.get<{ id: number }>(
      `INSERT INTO inbound_events
         (channel, chat, thread, platform_id, revision, author, user_id, user_name, text, said_at, received_at)
       VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING id`,
      ...[event.channel, event.chat, event.thread, event.platformId, event.revision, event.author, event.userId],
      ...[event.userName, event.text, event.saidAt, event.receivedAt],
    );
    return row?.id ?? null;
  }

  enqueue(session: SessionId, number: number, event: number, engages: boolean): void {
    this.#db.run(
      "INSERT INTO inbox (session_id, number, event_id, engages, state) VALUES (?,?,?,?,'queued')",
      ...[session, number, event, engages ? 1 : 0],
    );
  }

  /** Rows of a session that have no end yet, in order, above `after`. */
  unfinished(session: SessionId, after = 0, limit = 1000): InboxRow[] {
    return this.#db
      .all<StoredRow>(
        `SELECT ${ROW_COLUMNS} FROM inbox i JOIN inbound_events e ON e.id = i.event_id
         WHERE i.session_id=? AND i.number>? AND i.state IN ('queued','in_turn') ORDER BY i.number LIMIT ?`,
        session,
        after,
        limit,
      )
      .map((row) => ({ ...row, engages: row.engages === 1 }));
  }

  /** Whether something waits that an agent must answer. */
  hasWork(session: SessionId): boolean {
    const sql = "SELECT 1 FROM inbox WHERE session_id=? AND state IN ('queued','in_turn') AND engages=1 LIMIT 1";
    return this.#db.get(sql, session) !== undefined;
  }

  countUnfinished(): number {
    const sql = "SELECT count(*) AS count FROM inbox WHERE state IN ('queued','in_turn')";
    return this.#db.get<{ count: number }>(sql)?.count ?? 0;
  }

  /** Puts queued rows into a turn. @returns those numbers that were not queued. */
  intoTurn(session: SessionId, numbers: number[], turn: number): number[] {
    return numbers.filter(
      (number) =>
        this.#db.run(
          "UPDATE inbox SET state='in_turn', turn=? WHERE session_id=? AND number=? AND state='queued'",
          ...[turn, session, number],
        ) === 0,
    );
  }

  /** Ends rows of a turn. @returns the platform ids of the messages that this answers. */
  finish(session: SessionId, numbers: number[], turn: number, state: "done" | "failed"): string[] {
    const answered: string[] = [];
    for (const number of numbers) {
      const row = this.#db.get<{ platformId: string }>(
        `UPDATE inbox SET state=? WHERE session_id=? AND number=? AND turn=? AND state='in_turn'
         RETURNING (SELECT platform_id FROM inbound_events WHERE id = event_id) AS platformId`,
        ...[state, session, number, turn],
      );
      if (row) answered.push(row.platformId);
    }
    this.#db.afterCommit(() => this.#ended());
    return answered;
  }

  /** Fails every unfinished row of a session. @returns the platform ids of the messages. */
  failAll(session: SessionId): string[] {
    this.#db.afterCommit(() => this.#ended());
    return this.#db
      .all<{ platformId: string }>(
        `UPDATE inbox SET state='failed' WHERE session_id=? AND state IN ('queued','in_turn')
         RETURNING (SELECT platform_id FROM inbound_events WHERE id = event_id) AS platformId`,
        session,
      )
      .map((row) => row.platformId);
  }

  /** Puts a row that its turn did not take up back into the queue: that was no attempt. */
  release(session: SessionId, number: number): void {
    this.#db.run(
      "UPDATE inbox SET state='queued', turn=NULL WHERE session_id=? AND number=? AND state='in_turn'",
      session,
      number,
    );
  }

  /** Puts a row of a cut-off turn back into the queue, with its attempt counted. */
  requeue(session: SessionId, number: number): void {
    this.#db.run(
      "UPDATE inbox SET state='queued', turn=NULL, attempt=attempt+1 WHERE session_id=? AND number=? AND state='in_turn'",
      session,
      number,
    );
  }
}
