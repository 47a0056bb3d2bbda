/** Sessions: one conversation of one agent group. */
import { type Continuation, continuation as continuationSchema } from "../../protocol/rows.ts";
import type { AgentGroupId, SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";

/** The conversation of an agent that has one over all its chats. */
export const EVERYWHERE = "*";

export interface Session {
  id: SessionId;
  agentGroup: AgentGroupId;
  /** What makes it one conversation, e.g. "terminal/main"; unique within the agent group. */
  conversation: string;
  /** Where plain final text goes: with EVERYWHERE, where the first message was said that waits for its answer. */
  channel: string;
  chat: string;
  thread: string | null;
  /** Overrides the agent group's runtime; null for the group's own. */
  runtime: string | null;
  /** The highest outbound number that was taken; nothing at or below it is ever taken again. */
  outboundCursor: number;
  lastActiveAt: number;
}

const COLUMNS = `id, agent_group_id AS agentGroup, conversation, channel, chat, thread, runtime,
  outbound_cursor AS outboundCursor, last_active_at AS lastActiveAt`;

export class Sessions {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  add(session: Session): void {
    this.#db.run(
      `INSERT INTO sessions (id, agent_group_id, conversation, channel, chat, thread, runtime, created_at, last_active_at)
       VALUES (?,?,?,?,?,?,?,?,?)`,
      ...[session.id, session.agentGroup, session.conversation, session.channel, session.chat, session.thread],
      ...[session.runtime, session.lastActiveAt, session.lastActiveAt],
    );
  }

  session(id: SessionId): Session | undefined {
    return this.#db.get(`SELECT ${COLUMNS} FROM sessions WHERE id=?`, id);
  }

  byConversation(agentGroup: AgentGroupId, conversation: string): Session | undefined {
    return this.#db.get(
      `SELECT ${COLUMNS} FROM sessions WHERE agent_group_id=? AND conversation=?`,
      agentGroup,
      conversation,
    );
  }

  /** Those of an agent group that hear a conversation or speak in its chat, as those of scheduled tasks do. */
  speakingIn(agentGroup: AgentGroupId, conversation: string, { channel, chat, thread }: Address): Session[] {
    return this.#db.all(
      `SELECT ${COLUMNS} FROM sessions
       WHERE agent_group_id=? AND (conversation=? OR (channel=? AND chat=? AND thread IS ?))`,
      ...[agentGroup, conversation, channel, chat, thread],
    );
  }

  /** The latest active first. @param agentGroup only its own; null for all */
  list(limit: number, agentGroup: AgentGroupId | null = null): Session[] {
    const sql = `SELECT ${COLUMNS} FROM sessions WHERE ?1 IS NULL OR agent_group_id=?1 ORDER BY last_active_at DESC LIMIT ?2`;
    return this.#db.all(sql, agentGroup, limit);
  }

  /** Sessions with rows or a turn that have no end: those an earlier process of the host may have left in the middle. */
  unsettled(): SessionId[] {
    return this.#db
      .all<{ id: SessionId }>(
        `SELECT session_id AS id FROM inbox WHERE state IN ('queued','in_turn') AND (engages=1 OR turn IS NOT NULL)
         UNION SELECT session_id FROM turns WHERE state='running'`,
      )
      .map((row) => row.id);
  }

  /** Allocates the next message number of the host's side: even, growing. */
  nextNumber(id: SessionId, now: number): number {
    const row = this.#db.get<{ n: number }>(
      "UPDATE sessions SET last_number = last_number + 2, last_active_at = ? WHERE id=? RETURNING last_number AS n",
      now,
      id,
    );
    if (!row) throw new Error(`no session ${id}`);
    return row.n;
  }

  /**
   * Everything that was said up to now is to be stopped, wherever it is.
   * @returns the number up to which that holds: one of its own, which the row has that tells it to a runner
   */
  stop(id: SessionId): number {
    const sql = `UPDATE sessions SET last_number = last_number + 2, stopped_up_to = last_number + 2 WHERE id=?
      RETURNING stopped_up_to AS n`;
    return this.#db.get<{ n: number }>(sql, id)?.n ?? 0;
  }

  /** Messages up to this number were stopped: no turn may begin over them any more. */
  stoppedUpTo(id: SessionId): number {
    return this.#db.get<{ n: number }>("SELECT stopped_up_to AS n FROM sessions WHERE id=?", id)?.n ?? 0;
  }

  /** Nobody will speak in it again, and all that it said has its end. @throws where something else points at it */
  forget(id: SessionId): void {
    this.#db.transaction(() => {
      this.#db.run("UPDATE outbox SET session_id=NULL WHERE session_id=?", id);
      for (const table of ["agent_calls", "turn_tools", "turns", "inbox"])
        this.#db.run(`DELETE FROM ${table} WHERE session_id=?`, id);
      this.#db.run("DELETE FROM sessions WHERE id=?", id);
    });
  }

  setCursor(id: SessionId, cursor: number): void {
    this.#db.run("UPDATE sessions SET outbound_cursor=? WHERE id=? AND outbound_cursor<?", cursor, id, cursor);
  }

  /** What its container still says of the conversation does not count where a new one was asked for. */
  setContinuation(id: SessionId, continuation: Continuation): void {
    this.#db.run("UPDATE sessions SET continuation=? WHERE id=? AND anew=0", JSON.stringify(continuation), id);
  }

  /** What the agent has in mind of it is to be gone: its next container begins anew, and the one that runs must end. */
  reset(id: SessionId): void {
    this.#db.run("UPDATE sessions SET continuation=NULL, anew=1 WHERE id=?", id);
  }

  /** Whether a new conversation was asked for, and no container has begun it yet. */
  isToBeginAnew(id: SessionId): boolean {
    return this.#db.get("SELECT 1 FROM sessions WHERE id=? AND anew=1", id) !== undefined;
  }

  /** A container is about to be started that knows nothing of an earlier one. */
  begun(id: SessionId): void {
    if (this.isToBeginAnew(id)) this.#db.run("UPDATE sessions SET anew=0 WHERE id=?", id);
  }

  /** How that provider takes the conversation up again; null where it never spoke in it. */
  continuation(id: SessionId, provider: string): Continuation | null {
    const row = this.#db.get<{ continuation: string | null }>("SELECT continuation FROM sessions WHERE id=?", id);
    if (!row?.continuation) return null;
    const stored = continuationSchema.parse(JSON.parse(row.continuation));
    return stored.provider === provider ? stored : null;
  }
}
