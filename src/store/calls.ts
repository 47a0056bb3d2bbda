/** Verbs that an agent asked for in the turn that runs, with their answers: kept until the turn has its end. */
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";

export interface Answer {
  /** The number of the row that tells it to the runner. */
  number: number;
  /** The number of the row that asked. */
  to: number;
  ok: boolean;
  text: string;
}

/** Longest answer, characters. */
const MAX_ANSWER = 60_000;

export class Calls {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  add(
    session: SessionId,
    number: number,
    turn: number,
    answer: number,
    { ok, text }: Pick<Answer, "ok" | "text">,
  ): void {
    this.#db.run(
      "INSERT INTO agent_calls (session_id, number, turn, answer, ok, text) VALUES (?,?,?,?,?,?)",
      ...[session, number, turn, answer, ok ? 1 : 0, text.slice(0, MAX_ANSWER)],
    );
  }

  /** The answers of a turn above a number, in order. */
  answers(session: SessionId, after: number): Answer[] {
    return this.#db
      .all<Omit<Answer, "ok"> & { ok: number }>(
        `SELECT answer AS number, number AS "to", ok, text FROM agent_calls WHERE session_id=? AND answer>? ORDER BY answer`,
        ...[session, after],
      )
      .map((row) => ({ ...row, ok: row.ok === 1 }));
  }

  /** How many verbs the running turn has asked for. */
  count(session: SessionId): number {
    const sql = "SELECT count(*) AS count FROM agent_calls WHERE session_id=?";
    return this.#db.get<{ count: number }>(sql, session)?.count ?? 0;
  }

  forget(session: SessionId, turn: number): void {
    this.#db.run("DELETE FROM agent_calls WHERE session_id=? AND turn=?", session, turn);
  }
}
