/**
 * What was said to an agent: the events, deduplicated for ever, and for each session that hears one a numbered row
 * that lives queued -> in_turn -> done | failed.
 */
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";
import { EVERYWHERE } from "./sessions.ts";

export interface InboundEvent {
  channel: string;
  chat: string;
  thread: string | null;
  platformId: string;
  revision: number;
  change: Change;
  author: "person" | "system";
  userId: string;
  userName: string;
  text: string;
  files: IncomingFile[];
  /** Of a scheduled task: what runs first in the container, and decides whether the agent is asked. */
  script: string | null;
  saidAt: number;
  receivedAt: number;
}

/** What happened to a message. */
export type Change = "said" | "edited" | "deleted";

/** A file that came with a message; its bytes are fetched when an agent is to have them. */
export interface IncomingFile {
  name: string;
  /** Media type as the platform says it; empty where it does not. */
  type: string;
  /** Bytes, where the platform says it. */
  size: number | null;
  /** The channel's own handle for `fetch`; it must hold for hours, and over a restart. */
  ref: string;
}

/** A row of the inbox together with its event. */
export interface InboxRow {
  number: number;
  engages: boolean;
  state: "queued" | "in_turn";
  attempt: number;
  turn: number | null;
  change: Change;
  /** The number of the message that was edited or deleted. */
  about: number | null;
  author: "person" | "system";
  /** Nobody with a role here; a scheduled task is none either way. */
  stranger: boolean;
  userId: string;
  userName: string;
  text: string;
  files: IncomingFile[];
  script: string | null;
  saidAt: number;
  receivedAt: number;
  channel: string;
  platformId: string;
}

/** Where a message was heard, as whose, and whether (1) it wanted an answer there. */
export interface Hearer {
  session: SessionId;
  agentGroup: string;
  number: number;
  userId: string;
  engaged: number;
}

/** Rows of a session that wait only to ride along, the latest. */
export const MOST_WAITING_CONTEXT = 200;

type StoredRow = Omit<InboxRow, "engages" | "stranger" | "files"> & {
  engages: number;
  stranger: number;
  files: string;
};

/** Where what is said to a session (?1) from another chat begins: it waits until all before it has its end. */
const NEXT_CHAT = `coalesce((SELECT min(o.number) FROM sessions s JOIN inbox o INDEXED BY inbox_unfinished ON o.session_id = s.id
    JOIN inbound_events x ON x.id = o.event_id
    WHERE s.id=?1 AND s.conversation='${EVERYWHERE}' AND o.engages=1 AND o.state IN ('queued','in_turn')
      AND (x.channel, x.chat, x.thread) IS NOT (s.channel, s.chat, s.thread)), ${Number.MAX_SAFE_INTEGER})`;

const ROW_COLUMNS = `i.number, i.engages, i.state, i.attempt, i.turn, i.about, e.change, e.author,
  e.user_id AS userId, e.user_name AS userName, e.text, e.files, e.script, e.said_at AS saidAt, e.received_at AS receivedAt,
  e.channel, e.platform_id AS platformId, e.author='person' AND e.user_id NOT LIKE 'task:%'
    AND NOT EXISTS (SELECT 1 FROM held_roles r WHERE r.user_id = e.user_id) AS stranger`;

export class Inbox {
  readonly #db: Database;
  /** Called after each commit that ended rows. */
  readonly #ended: (() => void)[] = [];
  constructor(db: Database) {
    this.#db = db;
  }

  /** For the parts that wait for the end of what an agent does. */
  onEnd(ended: () => void): void {
    this.#ended.push(ended);
  }

  /** @returns the event's id, or null when this very event was recorded before. */
  addEvent(event: InboundEvent): number | null {
    const row = this.#db.get<{ id: number }>(
      `INSERT INTO inbound_events
         (channel, chat, thread, platform_id, revision, change, author, user_id, user_name, text, files, script,
          said_at, received_at)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING id`,
      ...[event.channel, event.chat, event.thread, event.platformId, event.revision, event.change, event.author],
      ...[event.userId, event.userName, event.text, JSON.stringify(event.files), event.script],
      ...[event.saidAt, event.receivedAt],
    );
    return row?.id ?? null;
  }

  /**
   * @param about the number of the message that this one edits or deletes
   * @param record the audit record of its acceptance
   */
  enqueue(
    session: SessionId,
    number: number,
    event: number,
    engages: boolean,
    about: number | null = null,
    record: number | null = null,
  ): void {
    this.#db.run(
      "INSERT INTO inbox (session_id, number, event_id, engages, about, record, state) VALUES (?,?,?,?,?,?,'queued')",
      ...[session, number, event, engages ? 1 : 0, about, record],
    );
    if (engages) this.#follow(session);
    else this.#endStaleContext(session);
  }

  /** A conversation over many chats speaks in that of the first message that waits for its answer. */
  #follow(session: SessionId): void {
    this.#db.run(
      `UPDATE sessions SET channel = next.channel, chat = next.chat, thread = next.thread
       FROM (SELECT e.channel, e.chat, e.thread FROM inbox i INDEXED BY inbox_unfinished JOIN inbound_events e ON e.id = i.event_id
             WHERE i.session_id=?1 AND i.engages=1 AND i.state IN ('queued','in_turn') ORDER BY i.number LIMIT 1) next
       WHERE id=?1 AND conversation='${EVERYWHERE}' AND (sessions.channel, sessions.chat, sessions.thread) IS NOT
         (next.channel, next.chat, next.thread)`,
      session,
    );
  }

  /** What only rides along must not pile up before what it rides with. */
  #endStaleContext(session: SessionId): void {
    const waiting = "session_id=?1 AND state='queued' AND engages=0";
    this.#db.run(
      `UPDATE inbox SET state='done' WHERE ${waiting} AND number <=
         (SELECT number FROM inbox WHERE ${waiting} ORDER BY number DESC LIMIT 1 OFFSET ?2)`,
      ...[session, MOST_WAITING_CONTEXT],
    );
  }

  /** Ends what only rode along before a message that was answered, and was not told with it. */
  endContext(session: SessionId, before: number): void {
    this.#db.run(
      "UPDATE inbox SET state='done' WHERE session_id=? AND number<? AND state='queued' AND engages=0",
      ...[session, before],
    );
  }

  /** The audit record of a message's acceptance. */
  record(session: SessionId, number: number): number | null {
    const sql = "SELECT record FROM inbox WHERE session_id=? AND number=?";
    return this.#db.get<{ record: number | null }>(sql, session, number)?.record ?? null;
  }

  /** Whether a later version of the message is known already: updates may come in any order. */
  isOutdated({ channel, chat, platformId, revision }: InboundEvent): boolean {
    const sql = "SELECT 1 FROM inbound_events WHERE channel=? AND chat=? AND platform_id=? AND revision>? LIMIT 1";
    return this.#db.get(sql, channel, chat, platformId, revision) !== undefined;
  }

  /** Where a message of a platform was heard: the latest row of each session, whatever became of it. */
  hearers(channel: string, chat: string, platformId: string): Hearer[] {
    return this.#db.all(
      `SELECT i.session_id AS session, s.agent_group_id AS agentGroup, max(i.number) AS number, e.user_id AS userId,
         max(i.engages) AS engaged
       FROM inbound_events e JOIN inbox i ON i.event_id = e.id JOIN sessions s ON s.id = i.session_id
       WHERE e.channel=? AND e.chat=? AND e.platform_id=? GROUP BY i.session_id`,
      ...[channel, chat, platformId],
    );
  }

  /** The platform id of a person's message that a session heard in the chat where it speaks. */
  platformIdOf(session: SessionId, number: number): string | null {
    const sql = `SELECT e.platform_id AS id FROM inbox i JOIN inbound_events e ON e.id = i.event_id
       JOIN sessions s ON s.id = i.session_id AND s.channel = e.channel AND s.chat = e.chat
       WHERE i.session_id=? AND i.number=? AND e.author='person'`;
    return this.#db.get<{ id: string }>(sql, session, number)?.id ?? null;
  }

  /** Messages that wait for a turn, and that nobody was told about, received before `limit`; the oldest of each session. */
  untold(limit: number): (Address & { session: SessionId; number: number; receivedAt: number })[] {
    return this.#db.all(
      `SELECT i.session_id AS session, min(i.number) AS number, min(e.received_at) AS receivedAt, e.channel, e.chat, e.thread
       FROM inbox i INDEXED BY inbox_untold JOIN inbound_events e ON e.id = i.event_id
       WHERE i.state='queued' AND i.engages=1 AND i.told=0 GROUP BY i.session_id HAVING min(e.received_at) <= ?`,
      limit,
    );
  }

  /** When the longest waiting message that nobody was told about was received. */
  oldestUntold(): number | null {
    const sql = `SELECT min(e.received_at) AS at FROM inbox i JOIN inbound_events e ON e.id = i.event_id
       WHERE i.state='queued' AND i.engages=1 AND i.told=0`;
    return this.#db.get<{ at: number | null }>(sql)?.at ?? null;
  }

  /** The people behind everything that waits in this session were told that it waits. */
  tell(session: SessionId): void {
    this.#db.run("UPDATE inbox SET told=1 WHERE session_id=? AND state='queued' AND told=0", session);
  }

  /** Rows of a session that have no end yet, in order, above `after`: those from the chat where it speaks now. */
  unfinished(session: SessionId, after = 0, limit = 1000): InboxRow[] {
    return this.#db
      .all<StoredRow>(
        `SELECT ${ROW_COLUMNS} FROM inbox i INDEXED BY inbox_unfinished JOIN inbound_events e ON e.id = i.event_id
         WHERE i.session_id=?1 AND i.number>?2 AND i.number<${NEXT_CHAT} AND i.state IN ('queued','in_turn')
         ORDER BY i.number LIMIT ?3`,
        session,
        after,
        limit,
      )
      .map((row) => ({
        ...row,
        engages: row.engages === 1,
        stranger: row.stranger === 1,
        files: JSON.parse(row.files) as IncomingFile[],
      }));
  }

  /** Whether something waits that an agent must answer. */
  hasWork(session: SessionId): boolean {
    const sql =
      "SELECT 1 FROM inbox INDEXED BY inbox_unfinished WHERE session_id=? AND state IN ('queued','in_turn') AND engages=1 LIMIT 1";
    return this.#db.get(sql, session) !== undefined;
  }

  /** Rows without an end, of one session or of all. */
  countUnfinished(session?: SessionId): number {
    const sql = `SELECT count(*) AS count FROM inbox WHERE state IN ('queued','in_turn')${session ? " AND session_id=?" : ""}`;
    return this.#db.get<{ count: number }>(sql, ...(session ? [session] : []))?.count ?? 0;
  }

  /** Puts queued rows into a turn, and context that gave way when it was told already. @returns the other numbers. */
  intoTurn(session: SessionId, numbers: number[], turn: number): number[] {
    return numbers.filter(
      (number) =>
        this.#db.run(
          `UPDATE inbox SET state='in_turn', turn=? WHERE session_id=? AND number=?
             AND (state='queued' OR (state='done' AND engages=0 AND turn IS NULL))`,
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
    for (const ended of this.#ended) this.#db.afterCommit(ended);
    this.#follow(session);
    return answered;
  }

  /** Ends every row that `unfinished` tells between two numbers. @returns the platform ids of the messages. */
  endAll(session: SessionId, state: "done" | "failed", upTo = Number.MAX_SAFE_INTEGER, from = 0): string[] {
    for (const ended of this.#ended) this.#db.afterCommit(ended);
    const ended = this.#db.all<{ platformId: string }>(
      `UPDATE inbox INDEXED BY inbox_unfinished SET state=?2 WHERE session_id=?1 AND number BETWEEN ?3 AND ?4 AND number<${NEXT_CHAT}
         AND state IN ('queued','in_turn')
       RETURNING (SELECT platform_id FROM inbound_events WHERE id = event_id) AS platformId`,
      ...[session, state, from, upTo],
    );
    this.#follow(session);
    return ended.map(({ platformId }) => platformId);
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
