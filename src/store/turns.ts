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

  start(session: SessionId, number: number, now: number): void {
    this.#db.run(
      "INSERT INTO turns (session_id, number, state, started_at) VALUES (?,?,'running',?)",
      ...[session, number, now],
    );
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

  lastInterrupted(session: SessionId): number | null {
    const sql = "SELECT number FROM turns WHERE session_id=? AND state='interrupted' ORDER BY number DESC LIMIT 1";
    return this.#db.get<{ number: number }>(sql, session)?.number ?? null;
  }

  startTool(session: SessionId, turn: number, call: string, name: string, summary: string): void {
    this.#db.run(
      "INSERT OR IGNORE INTO turn_tools (session_id, turn, call, name, summary, state) VALUES (?,?,?,?,?,'started')",
      ...[session, turn, call, name, summary],
    );
  }

  endTool(session: SessionId, turn: number, call: string, ok: boolean): void {
    this.#db.run(
      "UPDATE turn_tools SET state=? WHERE session_id=? AND turn=? AND call=?",
      ...[ok ? "ok" : "failed", session, turn, call],
    );
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
