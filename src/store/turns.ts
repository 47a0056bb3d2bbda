/** Turns: one run of the agent over one or more messages, and the tools it used, as the runner journalled them. */
import type { Usage } from "../../protocol/rows.ts";
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";

export type TurnState = "running" | "done" | "stopped" | "error" | "interrupted";

export interface ToolUse {
  name: string;
  summary: string;
  state: "started" | "ok" | "failed";
}

export class Turns {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** @param record the audit record of its start */
  start(session: SessionId, number: number, now: number, record: number | null = null): void {
    this.#db.run(
      "INSERT INTO turns (session_id, number, state, started_at, record) VALUES (?,?,'running',?,?)",
      ...[session, number, now, record],
    );
  }

  /** The audit record of its start. */
  record(session: SessionId, number: number): number | null {
    const sql = "SELECT record FROM turns WHERE session_id=? AND number=?";
    return this.#db.get<{ record: number | null }>(sql, session, number)?.record ?? null;
  }

  /** @returns false when that turn was not running. */
  end(session: SessionId, number: number, state: TurnState, now: number, error: string | null, usage: Usage | null) {
    const changed = this.#db.run(
      "UPDATE turns SET state=?, ended_at=?, error=?, usage=? WHERE session_id=? AND number=? AND state='running'",
      ...[state, now, error, usage ? JSON.stringify(usage) : null, session, number],
    );
    return changed === 1;
  }

  running(session: SessionId): number | null {
    const sql = "SELECT number FROM turns WHERE session_id=? AND state='running' ORDER BY number DESC LIMIT 1";
    return this.#db.get<{ number: number }>(sql, session)?.number ?? null;
  }

  /** When the turn began that runs; null where none does. */
  runningSince(session: SessionId): number | null {
    const sql =
      "SELECT started_at AS at FROM turns WHERE session_id=? AND state='running' ORDER BY number DESC LIMIT 1";
    return this.#db.get<{ at: number }>(sql, session)?.at ?? null;
  }

  lastInterrupted(session: SessionId): number | null {
    const sql = "SELECT number FROM turns WHERE session_id=? AND state='interrupted' ORDER BY number DESC LIMIT 1";
    return this.#db.get<{ number: number }>(sql, session)?.number ?? null;
  }

  /** @param record the audit record of its begin; null where that is not recorded */
  startTool(
    session: SessionId,
    turn: number,
    call: string,
    name: string,
    summary: string,
    record: number | null = null,
  ): void {
    this.#db.run(
      "INSERT OR IGNORE INTO turn_tools (session_id, turn, call, name, summary, state, record) VALUES (?,?,?,?,?,'started',?)",
      ...[session, turn, call, name, summary, record],
    );
  }

  /** @returns the audit record of its begin; null where there is none such that runs */
  endTool(session: SessionId, turn: number, call: string, ok: boolean): number | null {
    const row = this.#db.get<{ record: number | null }>(
      "UPDATE turn_tools SET state=? WHERE session_id=? AND turn=? AND call=? AND state='started' RETURNING record",
      ...[ok ? "ok" : "failed", session, turn, call],
    );
    return row?.record ?? null;
  }

  /** Whether a turn has begun `most` tools already. */
  hasTools(session: SessionId, turn: number, most: number): boolean {
    const sql = "SELECT 1 FROM turn_tools WHERE session_id=? AND turn=? LIMIT 1 OFFSET ?";
    return this.#db.get(sql, session, turn, most - 1) !== undefined;
  }

  /** What a turn did with tools, in order; the latest `limit`. */
  tools(session: SessionId, turn: number, limit: number): ToolUse[] {
    return this.#db
      .all<ToolUse>(
        "SELECT name, summary, state FROM turn_tools WHERE session_id=? AND turn=? ORDER BY rowid DESC LIMIT ?",
        ...[session, turn, limit],
      )
      .reverse();
  }
}
