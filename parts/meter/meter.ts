/**
 * The meter behind the gateway's port. A request that may go out has its row before it does, with an estimate in it; the
 * row is completed when the answer is over. So what a killed host or a full disk cut off is counted, and never too little.
 */
import { estimate, NO_USE, type Reading, type TokenUse, usedBy } from "../../packages/model-usage/index.ts";
import { tellOwner } from "../../src/access/owner.ts";
import type { DoorSession } from "../../src/gateway/door.ts";
import type { Refusal } from "../../src/gateway/head-rules.ts";
import { type Meter, type MeteredRequest, type MeterVerdict, STOPPED_BY_METER } from "../../src/gateway/meter.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { messageOf, Retryable } from "../../src/lib/errors.ts";
import type { AgentGroupId, SessionId, UserId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { type Account, Accounts, type Flight } from "./accounts.ts";
import { type Budget, Budgets, decideBudgets } from "./budgets.ts";
import { type Charge, Ledger, type Payer } from "./ledger.ts";
import { Days } from "./period.ts";
import { Prices } from "./prices.ts";
import { RunawayDetector, type RunawayLimits, type RunawayVerdict } from "./runaway.ts";
import { nearlyUsedUp, ownerOfRunaway, ranAway, ranAwayIdle, runsAway, UNCOUNTABLE, usedUp } from "./words.ts";

/** Tokens of an answer that are put aside for it, where the request does not allow fewer. */
const ASIDE = 4_000;
/** An answer that is being written is cut off where a budget is passed by that share of it, and not before ASIDE is written. */
const FAR = 0.25;

export interface MeterParts {
  store: Store;
  clock: Clock;
  log: Log;
  limits?: RunawayLimits;
  /** Ends a session's container if it has nothing to do. */
  dismiss(session: SessionId): void;
}

interface Under extends Flight {
  request: MeteredRequest;
  /** Its row; null for one that costs nothing, which has none before its end. */
  row: number | null;
  turn: number | null;
  at: number;
}

export class RequestMeter implements Meter {
  readonly ledger: Ledger;
  readonly budgets: Budgets;
  readonly prices: Prices;
  readonly accounts: Accounts;
  readonly #parts: MeterParts;
  readonly #runaway: RunawayDetector;
  readonly #days = new Days();
  readonly #under = new Map<number, Under>();
  #last = 0;
  /** Up to this request an earlier process let out what has no end; null once that is settled. */
  #left: number | null = null;

  constructor(parts: MeterParts) {
    const { store, clock } = parts;
    this.#parts = parts;
    this.ledger = new Ledger(store.db);
    this.budgets = new Budgets(store.db);
    this.prices = new Prices(store.db);
    this.accounts = new Accounts({ users: store.users, clock, ledger: this.ledger, budgets: this.budgets });
    this.#runaway = new RunawayDetector(parts.limits);
    this.#left = this.ledger.lastOpen();
    try {
      this.#closeLeft();
    } catch (error) {
      // A full disk, say: it is done before the next request is let out.
      if (!(error instanceof Retryable)) throw error;
    }
  }

  #closeLeft(): void {
    if (this.#left !== null) this.ledger.closeOpen(this.#left);
    this.#left = null;
  }

  ask(session: DoorSession, request: MeteredRequest): MeterVerdict {
    const { store, clock, log } = this.#parts;
    try {
      this.#closeLeft();
      if (request.billed) return store.db.transaction(() => this.#decide(session, request));
      const { payer, turn } = this.#whoAsks(session);
      const at = clock.now();
      return this.#letOut({ request, payer, turn, at, row: null, aside: FREE, soFar: null });
    } catch (error) {
      this.accounts.forget();
      log.error({ session: session.id, error: messageOf(error) }, "a request to the model can't be counted");
      return refuse(UNCOUNTABLE);
    }
  }

  goesOn(id: number, reading: Reading): boolean {
    const under = this.#under.get(id);
    if (!under || under.row === null) return true;
    const { request, payer } = under;
    const charge = this.#charge(request, reading);
    // What it has put aside grows with what it writes, so that others see it.
    if (charge.charged > under.aside.charged) under.aside = charge;
    under.soFar = charge;
    if (charge.use.output <= ASIDE) return true;
    return this.accounts.all(payer).every(({ budget, used, running }) => used + running <= budget.most * (1 + FAR));
  }

  ended(id: number, status: number, reading: Reading | null): void {
    const under = this.#under.get(id);
    if (!under) return;
    this.#under.delete(id);
    this.accounts.flights.delete(id);
    const { request, payer } = under;
    if (reading === null || status >= 400) this.#runaway.failed(payer.session, request.hash);
    const charge = this.#charge(request, reading);
    const { store, log } = this.#parts;
    try {
      store.db.transaction(() => this.#settle(under, charge, status));
    } catch (error) {
      // The row from before stands, with its estimate, and budgets go on to count that.
      log.error({ session: payer.session, error: messageOf(error) }, "what a request used can't be written");
      this.accounts.forget();
      if (under.row !== null) this.accounts.flights.set(id, under);
    }
  }

  #decide(session: DoorSession, request: MeteredRequest): MeterVerdict {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const { payer, turn, idle } = this.#whoAsks(session);
    const runaway = this.#runaway.see(session.id, { now, turn, idle, hash: request.hash });
    if (runaway.state !== "fine") this.#tellRunaway(payer, turn, idle, runaway);
    if (runaway.state === "stop") return refuse(ranAway(runaway.kind, runaway.count));
    const aside = this.#aside(request);
    const accounts = this.accounts.all(payer);
    const verdict = decideBudgets(accounts, { usd: aside.charged, tokens: aside.chargedTokens });
    if (!verdict.allow) {
      const account = accounts.find((one) => one.budget.id === verdict.standing.budget.id);
      return refuse(account ? this.#tellUsedUp(session, account, verdict.why) : UNCOUNTABLE);
    }
    const day = this.#days.name(now, store.users.timeZone());
    const row = this.ledger.add(payer, turn, aside, now, day, null);
    return this.#letOut({ request, payer, turn, at: now, row, aside, soFar: null });
  }

  #letOut(under: Under): MeterVerdict {
    this.#last += 1;
    const id = this.#last;
    this.#parts.store.db.afterCommit(() => {
      this.#under.set(id, under);
      if (under.row !== null) this.accounts.flights.set(id, under);
    });
    return { allow: true, id };
  }

  #settle(under: Under, charge: Charge, status: number): void {
    const { store, clock } = this.#parts;
    const { payer, row, at } = under;
    if (row === null) {
      this.ledger.add(payer, under.turn, charge, at, this.#days.name(at, store.users.timeZone()), status);
    } else {
      this.ledger.settle(row, charge, status);
      // Inside the transaction, so that a warning is written with what it warns of; undone by `forget` if that fails.
      this.accounts.add(payer, charge, at);
      for (const account of this.accounts.all(payer)) this.#warn(payer, account);
    }
    this.ledger.fold(clock.now());
  }

  #warn({ session }: Payer, account: Account): void {
    const { store, clock } = this.#parts;
    const { budget, used, from } = account;
    if (used < (budget.most * budget.warn) / 100 || budget.warnedFrom === from) return;
    this.#markTold(budget, "warned", from);
    const where = store.sessions.session(session as SessionId);
    const text = nearlyUsedUp(this.shown(account));
    const key = `budget:${budget.id}:${from}:${budget.most}`;
    if (where) store.outbox.notify({ sessionId: where.id, address: where, text, key }, clock.now());
    tellOwner(store, `budget:${budget.id}:warned`, text, where ?? null, clock.now());
  }

  /** @returns what ends the turn, and so is told to its person */
  #tellUsedUp({ id }: DoorSession, account: Account, why: "used up" | "under way"): string {
    const { store, clock } = this.#parts;
    const { budget, from } = account;
    const text = usedUp(this.shown(account), why);
    if (why === "used up" && budget.stoppedFrom !== from) {
      this.#markTold(budget, "stopped", from);
      const where = store.sessions.session(id as SessionId) ?? null;
      tellOwner(store, `budget:${budget.id}:stopped`, `Turns are stopped: ${text}.`, where, clock.now());
    }
    return text;
  }

  #markTold(budget: Budget, what: "warned" | "stopped", from: number): void {
    this.budgets.told(budget.id, what, from);
    budget[`${what}From`] = from;
  }

  #tellRunaway(
    payer: Payer,
    turn: number | null,
    idle: boolean,
    verdict: Exclude<RunawayVerdict, { state: "fine" }>,
  ): void {
    const { store, clock, dismiss, log } = this.#parts;
    const { state, kind, count } = verdict;
    if (state === "stop" && !verdict.first) return;
    log.warn({ session: payer.session, turn, kind, count, state }, "a session runs away");
    const where = store.sessions.session(payer.session as SessionId);
    if (!where) return;
    const now = clock.now();
    // A turn that is stopped says so by its own end.
    const text = state === "warn" ? runsAway(kind, count, verdict.stop) : idle ? ranAwayIdle(kind, count) : null;
    const key = `${where.id}:runaway:${kind}:${state}:${now}`;
    if (text) store.outbox.add({ sessionId: where.id, turn, address: where, author: "system", text, key }, now);
    if (state === "warn") return;
    const agent = store.groups.agentGroup(where.agentGroup)?.folder ?? "";
    tellOwner(store, `runaway:${where.id}`, ownerOfRunaway(agent, where.id, kind, count), where, now);
    if (idle) store.db.afterCommit(() => dismiss(where.id));
  }

  /** What is put aside for a request: all of its input at the full price, and a usual answer; the longest one if it can't be cut off. */
  #aside(request: MeteredRequest): Charge {
    const most = request.maxOutput ?? ASIDE;
    const output = request.streamed ? Math.min(most, ASIDE) : most;
    return this.#priced(request, request.model, { ...NO_USE, input: estimate(request.bytes), output }, true);
  }

  #charge(request: MeteredRequest, reading: Reading | null): Charge {
    if (reading === null) return { ...FREE, model: request.model, cost: 0 };
    const { use, estimated } = usedBy(reading, request.bytes);
    return this.#priced(request, reading.model ?? request.model, use, estimated);
  }

  #priced({ billed, fast }: MeteredRequest, model: string, use: TokenUse, estimated: boolean): Charge {
    if (!billed) return { ...FREE, use, estimated };
    const chargedTokens = use.input + use.output + use.cacheWrite;
    return { model, use, estimated, chargedTokens, ...this.prices.charge(model, use, fast) };
  }

  /** Whose request it is: of the person who engaged the turn, or whose message waits for it. */
  #whoAsks({ id, agentGroup }: DoorSession): { payer: Payer; turn: number | null; idle: boolean } {
    const sql = `SELECT e.user_id AS user, e.author, i.turn FROM inbox i JOIN inbound_events e ON e.id = i.event_id
      WHERE i.session_id=? AND i.state IN ('queued','in_turn') AND i.engages=1
      ORDER BY i.state='in_turn' DESC, i.number LIMIT 1`;
    const row = this.#parts.store.db.get<{ user: string; author: string; turn: number | null }>(sql, id);
    const isPerson = row?.author === "person" && !row.user.startsWith("task:");
    const person = isPerson ? row.user : `agent:${agentGroup}`;
    return { payer: { session: id, agentGroup, person }, turn: row?.turn ?? null, idle: row === undefined };
  }

  /** A budget as people are told of it. */
  shown({ budget, used, unpriced, to, timeZone }: Account) {
    return { budget, who: this.nameOf(budget.scope, budget.subject), used, unpriced, anew: to, timeZone };
  }

  /** How people know an agent group, a person or a session. */
  nameOf(what: Budget["scope"], id: string): string {
    const { groups, users } = this.#parts.store;
    if (what === "agent") return groups.agentGroup(id as AgentGroupId)?.folder ?? id;
    if (what !== "person") return id;
    const agent = id.startsWith("agent:") ? groups.agentGroup(id.slice("agent:".length) as AgentGroupId) : null;
    return agent ? `${agent.folder} by itself` : (users.user(id as UserId)?.name ?? id);
  }
}

/** As what the model of this machine costs, whatever name it was asked by. */
const FREE: Charge = { model: "practice", use: NO_USE, cost: 0, charged: 0, chargedTokens: 0, estimated: false };

/** 402 is not tried again, and tells whoever runs the agent that the matter is money. */
function refuse(why: string): { allow: false } & Refusal {
  return { allow: false, status: 402, type: "billing_error", why: STOPPED_BY_METER + why };
}
