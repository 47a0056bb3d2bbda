/**
 * The rows of the meter: one for each request to a model, written before it goes out and completed when it is over; those
 * that are older than KEPT are summed by day.
 */
import type { TokenUse } from "../../packages/model-usage/index.ts";
import type { Database } from "../../src/lib/sqlite.ts";

/** Who is at it, as far as budgets tell them apart. */
export interface Payer {
  session: string;
  agentGroup: string;
  /** Who engaged the turn; `agent:` and its id where no person did. */
  person: string;
}

export interface Charge {
  model: string;
  use: TokenUse;
  /** Millionths of a dollar; null where it is not known. */
  cost: number | null;
  /** What budgets count, in millionths of a dollar and in tokens. */
  charged: number;
  chargedTokens: number;
  estimated: boolean;
}

export interface Sums {
  requests: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  /** Millionths of a dollar, of the requests whose cost is known. */
  cost: number;
  charged: number;
  chargedTokens: number;
  /** How many requests were counted by an estimate, and how many have no known cost. */
  estimated: number;
  unpriced: number;
  /** The part of `charged` for these. */
  unpricedCharge: number;
}

export type UsageKey = "day" | "agent" | "person" | "model" | "session";

export const KEY_COLUMNS: Record<UsageKey, string> = {
  day: "day",
  agent: "agent_group_id",
  person: "person",
  model: "model",
  session: "session_id",
};

const DAY = 86_400_000;
/** Requests are kept one by one for so long, milliseconds: longer than any month, so that no budget but a total needs older ones. */
const KEPT = 40 * DAY;

const SUMMED = `sum(requests) AS requests, sum(input) AS input, sum(output) AS output, sum(cache_read) AS cacheRead,
  sum(cache_write) AS cacheWrite, sum(cost) AS cost, sum(charged) AS charged, sum(charged_tokens) AS chargedTokens,
  sum(estimated) AS estimated, sum(unpriced) AS unpriced, sum(unpriced_charge) AS unpricedCharge`;
/** A request in the columns of a day. */
const ONE = `day, session_id, agent_group_id, person, model, 1 AS requests, input, output, cache_read, cache_write,
  coalesce(cost, 0) AS cost, charged, charged_tokens, estimated, cost IS NULL AS unpriced,
  iif(cost IS NULL, charged, 0) AS unpriced_charge`;
const DAY_COLUMNS = `day, session_id, agent_group_id, person, model, requests, input, output, cache_read, cache_write, cost,
  charged, charged_tokens, estimated, unpriced, unpriced_charge`;
const ADDED = ["requests", "input", "output", "cache_read", "cache_write", "cost", "charged", "charged_tokens"];
const GROWING = [...ADDED, "estimated", "unpriced", "unpriced_charge"];

/** Rows that are shown at most: an agent must be able to read them too. */
const MOST_ROWS = 200;

function sinceDay(day: string, agentGroup: string | null): { sql: string; values: string[] } {
  const filter = agentGroup === null ? "" : "AND agent_group_id=?";
  const values = agentGroup === null ? [day] : [day, agentGroup];
  const sql = `(SELECT ${ONE} FROM model_requests WHERE day>=? ${filter}
    UNION ALL SELECT ${DAY_COLUMNS} FROM model_days WHERE day>=? ${filter})`;
  return { sql, values: [...values, ...values] };
}

const NO_SUMS: Sums = {
  ...{ requests: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0, charged: 0, chargedTokens: 0 },
  ...{ estimated: 0, unpriced: 0, unpricedCharge: 0 },
};

export class Ledger {
  readonly #db: Database;
  #foldedAt = 0;
  constructor(db: Database) {
    this.#db = db;
  }

  /** @param status null while it is under way. @returns the row's id */
  add(payer: Payer, turn: number | null, charge: Charge, at: number, day: string, status: number | null): number {
    const { model, use, cost, charged, chargedTokens, estimated } = charge;
    const row = this.#db.get<{ id: number }>(
      `INSERT INTO model_requests (at, day, session_id, turn, agent_group_id, person, model, status, input, output,
         cache_read, cache_write, cost, charged, charged_tokens, estimated)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`,
      ...[at, day, payer.session, turn, payer.agentGroup, payer.person, model, status],
      ...[use.input, use.output, use.cacheRead, use.cacheWrite, cost, charged, chargedTokens, estimated ? 1 : 0],
    );
    return row?.id ?? 0;
  }

  settle(id: number, { model, use, cost, charged, chargedTokens, estimated }: Charge, status: number): void {
    this.#db.run(
      `UPDATE model_requests SET model=?, input=?, output=?, cache_read=?, cache_write=?, cost=?, charged=?,
         charged_tokens=?, estimated=?, status=? WHERE id=?`,
      ...[model, use.input, use.output, use.cacheRead, use.cacheWrite, cost, charged, chargedTokens],
      ...[estimated ? 1 : 0, status, id],
    );
  }

  /** The last request that was let out and has no end yet; null for none. */
  lastOpen(): number | null {
    const sql = "SELECT max(id) AS id FROM model_requests WHERE status IS NULL";
    return this.#db.get<{ id: number | null }>(sql)?.id ?? null;
  }

  /** What an earlier process let out and never heard the end of, up to that request, stays counted as it was estimated then. */
  closeOpen(upTo: number): void {
    this.#db.run("UPDATE model_requests SET status=0 WHERE status IS NULL AND id<=?", upTo);
  }

  /** What requests that are over used since `from`. @param where a column and its value; null for all */
  closedSince(from: number, where: { by: UsageKey; value: string } | null): Sums {
    const filter = where ? `AND ${KEY_COLUMNS[where.by]}=?` : "";
    const values = where ? [where.value] : [];
    const days = from === 0 ? `UNION ALL SELECT ${DAY_COLUMNS} FROM model_days WHERE 1 ${filter}` : "";
    const sql = `SELECT ${SUMMED} FROM (SELECT ${ONE} FROM model_requests
      WHERE at>=? AND status IS NOT NULL ${filter} ${days})`;
    return this.#sums(this.#db.get(sql, from, ...values, ...(days ? values : [])));
  }

  /** From a day on, for each value of `by`, the latest or dearest first. @param agentGroup only its own */
  grouped(by: UsageKey, day: string, agentGroup: string | null): (Sums & { key: string })[] {
    const { sql, values } = sinceDay(day, agentGroup);
    const key = KEY_COLUMNS[by];
    const order = by === "day" ? "key DESC" : "charged DESC, sum(input + output) DESC, key";
    return this.#db
      .all<{ key: string }>(
        `SELECT ${key} AS key, ${SUMMED} FROM ${sql} GROUP BY ${key} ORDER BY ${order} LIMIT ${MOST_ROWS}`,
        ...values,
      )
      .map((row) => ({ ...this.#sums(row), key: row.key }));
  }

  /** The sum of it all. */
  total(day: string, agentGroup: string | null): Sums {
    const { sql, values } = sinceDay(day, agentGroup);
    return this.#sums(this.#db.get(`SELECT ${SUMMED} FROM ${sql}`, ...values));
  }

  /** Sums up the oldest day that is no longer kept request by request; at most one in an hour, so that none takes long. */
  fold(now: number): void {
    if (Math.abs(now - this.#foldedAt) < DAY / 24) return;
    this.#foldedAt = now;
    const old = this.#db.get<{ day: string }>(
      "SELECT day FROM model_requests WHERE at<? AND status IS NOT NULL ORDER BY at LIMIT 1",
      now - KEPT,
    );
    if (!old) return;
    const added = GROWING.map((column) => `sum(${column})`).join(", ");
    const grown = GROWING.map((column) => `${column}=model_days.${column}+excluded.${column}`).join(", ");
    const those = "day=? AND at<? AND status IS NOT NULL";
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO model_days (${DAY_COLUMNS})
         SELECT day, session_id, agent_group_id, person, model, ${added}
         FROM (SELECT ${ONE} FROM model_requests WHERE ${those}) GROUP BY day, session_id, person, model
         ON CONFLICT (day, session_id, person, model) DO UPDATE SET ${grown}`,
        ...[old.day, now - KEPT],
      );
      this.#db.run(`DELETE FROM model_requests WHERE ${those}`, old.day, now - KEPT);
    });
  }

  /** A sum over no rows is null. */
  #sums(row: object | undefined): Sums {
    const entries = Object.entries(row ?? {}).filter(([name, value]) => name in NO_SUMS && value !== null);
    return { ...NO_SUMS, ...Object.fromEntries(entries) };
  }
}
