/** Budgets: how much may be used, by whom and per what time. The table, and the decision, which is pure. */
import type { Database } from "../../src/lib/sqlite.ts";
import type { Payer, UsageKey } from "./ledger.ts";
import type { Per } from "./period.ts";

export type Scope = "all" | "agent" | "person" | "session";

export interface Budget {
  id: string;
  scope: Scope;
  /** Id of the agent group, person or session; empty for all. */
  subject: string;
  per: Per;
  unit: "usd" | "tokens";
  /** Millionths of a dollar, or tokens. */
  most: number;
  /** Per cent of it after which people are told. */
  warn: number;
  /** Begin of the period for which people were told that it is nearly used up, and that it is. */
  warnedFrom: number | null;
  stoppedFrom: number | null;
  createdAt: number;
}

/** How a budget stands: what was used, and what requests under way have put aside, in its unit. */
export interface Standing {
  budget: Budget;
  used: number;
  reserved: number;
}

export type BudgetVerdict = { allow: true } | { allow: false; standing: Standing; why: "used up" | "under way" };

/**
 * A request passes while something is left. While others are under way it must fit beside what they have put aside: so
 * all that run at once pass a limit by what was put aside too little, and alone by one request.
 * @param cost that the request puts aside, in the unit of each budget
 */
export function decideBudgets(standings: readonly Standing[], cost: Record<Budget["unit"], number>): BudgetVerdict {
  for (const standing of standings) {
    const { budget, used, reserved } = standing;
    if (used >= budget.most) return { allow: false, standing, why: "used up" };
    if (reserved > 0 && used + reserved + cost[budget.unit] > budget.most)
      return { allow: false, standing, why: "under way" };
  }
  return { allow: true };
}

export const appliesTo = ({ scope, subject }: Budget, payer: Payer): boolean =>
  scope === "all" || subject === { agent: payer.agentGroup, person: payer.person, session: payer.session }[scope];

export const rowsOf = ({ scope, subject }: Budget): { by: UsageKey; value: string } | null =>
  scope === "all" ? null : { by: scope, value: subject };

const COLUMNS =
  "id, scope, subject, per, unit, most, warn, warned_from AS warnedFrom, stopped_from AS stoppedFrom, created_at AS createdAt";

export class Budgets {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  all(): Budget[] {
    return this.#db.all(`SELECT ${COLUMNS} FROM budgets ORDER BY scope, subject, per, unit`);
  }

  /** Takes the place of one for the same thing, per the same time and in the same unit. */
  set(budget: Omit<Budget, "warnedFrom" | "stoppedFrom">): Budget | undefined {
    const { id, scope, subject, per, unit, most, warn, createdAt } = budget;
    return this.#db.get(
      `INSERT INTO budgets (id, scope, subject, per, unit, most, warn, created_at) VALUES (?,?,?,?,?,?,?,?)
       ON CONFLICT (scope, subject, per, unit) DO UPDATE
         SET most=excluded.most, warn=excluded.warn, warned_from=NULL, stopped_from=NULL
       RETURNING ${COLUMNS}`,
      ...[id, scope, subject, per, unit, most, warn, createdAt],
    );
  }

  /** @returns false where there is none */
  remove(id: string): boolean {
    return this.#db.run("DELETE FROM budgets WHERE id=?", id) === 1;
  }

  told(id: string, what: "warned" | "stopped", from: number): void {
    this.#db.run(`UPDATE budgets SET ${what}_from=? WHERE id=?`, from, id);
  }
}
