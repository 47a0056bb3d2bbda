/**
 * How each budget stands now: sums of the ledger, kept in memory and carried on with each request, so that a request
 * never waits for a sum over a month; and what requests under way have put aside.
 */
import type { Clock } from "../../src/lib/clock.ts";
import type { UserId } from "../../src/lib/ids.ts";
import type { Users } from "../../src/store/users.ts";
import { appliesTo, type Budget, type Budgets, rowsOf, type Standing } from "./budgets.ts";
import type { Charge, Ledger, Payer } from "./ledger.ts";
import { type Period, periodOf } from "./period.ts";

export interface Account extends Standing, Period {
  timeZone: string;
  /** What requests under way have used already. */
  running: number;
  /** The part of `used` without a known price; only money has one. */
  unpriced: number;
}

/** A request that is under way. */
export interface Flight {
  payer: Payer;
  /** What it has put aside, or has used already where that is more. */
  aside: Charge;
  /** What it has used already, as far as its answer tells; null before there is one. */
  soFar: Charge | null;
}

interface Sum extends Period {
  used: number;
  unpriced: number;
}

export interface AccountParts {
  users: Users;
  clock: Clock;
  ledger: Ledger;
  budgets: Budgets;
}

export class Accounts {
  readonly #parts: AccountParts;
  /** Under way, by the meter's number. */
  readonly flights = new Map<number, Flight>();
  #budgets: Budget[] | null = null;
  readonly #sums = new Map<string, Sum>();
  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** Budgets were changed. */
  forget(): void {
    this.#budgets = null;
    this.#sums.clear();
  }

  /** Every budget, or those that a payer has to keep to. */
  all(payer: Payer | null = null): Account[] {
    this.#budgets ??= this.#parts.budgets.all();
    const those = payer ? this.#budgets.filter((budget) => appliesTo(budget, payer)) : this.#budgets;
    return those.map((budget) => this.#account(budget));
  }

  /** A request has come to its end; to be called after the commit that says so. */
  add(payer: Payer, charge: Charge, at: number): void {
    for (const budget of this.#budgets ?? []) {
      const sum = this.#sums.get(budget.id);
      if (!sum || !appliesTo(budget, payer) || at < sum.from) continue;
      sum.used += inUnit(budget, charge);
      sum.unpriced += unpricedIn(budget, charge);
    }
  }

  #account(budget: Budget): Account {
    const timeZone = this.#timeZone(budget);
    const now = this.#parts.clock.now();
    let sum = this.#sums.get(budget.id);
    if (!sum || now < sum.from || (sum.to !== null && now >= sum.to)) {
      const period = periodOf(budget.per, now, timeZone);
      const { charged, chargedTokens, unpricedCharge } = this.#parts.ledger.closedSince(period.from, rowsOf(budget));
      const money = budget.unit === "usd";
      sum = { ...period, used: money ? charged : chargedTokens, unpriced: money ? unpricedCharge : 0 };
      this.#sums.set(budget.id, sum);
    }
    let [reserved, running] = [0, 0];
    for (const { payer, aside, soFar } of this.flights.values()) {
      if (!appliesTo(budget, payer)) continue;
      reserved += inUnit(budget, aside);
      running += soFar ? inUnit(budget, soFar) : 0;
    }
    return { budget, timeZone, reserved, running, ...sum };
  }

  /** Where the person is whom it is for; else where the owner is. */
  #timeZone({ scope, subject }: Budget): string {
    const { users } = this.#parts;
    return (scope === "person" ? users.user(subject as UserId)?.timeZone : null) ?? users.timeZone();
  }
}

const inUnit = ({ unit }: Budget, { charged, chargedTokens }: Charge): number =>
  unit === "usd" ? charged : chargedTokens;

const unpricedIn = ({ unit }: Budget, { cost, charged }: Charge): number =>
  unit === "usd" && cost === null ? charged : 0;
