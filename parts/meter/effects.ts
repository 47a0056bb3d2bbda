/** What the verbs about costs do: `usage.*` and `budgets.*`. */

import { tokens } from "../../api/money.ts";
import type { VerbArgs } from "../../api/verbs.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Random, SessionId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import type { Account } from "./accounts.ts";
import type { Budget } from "./budgets.ts";
import type { Sums, UsageKey } from "./ledger.ts";
import type { RequestMeter } from "./meter.ts";
import { dayOf } from "./period.ts";
import type { ListedPrice } from "./prices.ts";
import { amount } from "./words.ts";

export interface UsageParts {
  store: Store;
  clock: Clock;
  random: Random;
  meter: RequestMeter;
}

type UsageVerb = Extract<keyof Effects, `usage.${string}` | `budgets.${string}`>;

/** Budgets that are kept. */
const MOST_BUDGETS = 200;
const MOST_PRICES = 500;

export function usageEffects({ store, clock, random, meter }: UsageParts): Pick<Effects, UsageVerb> {
  const { ledger, budgets, prices, accounts } = meter;
  const shownBudget = (account: Account) => {
    const { budget, used, unpriced, to } = account;
    const who = meter.nameOf(budget.scope, budget.subject);
    return {
      budget: budget.id,
      for: budget.scope === "all" ? "all agents" : `${budget.scope} ${who}`,
      per: budget.per,
      limit: amount(budget, budget.most),
      used: amount(budget, used),
      share: Math.floor((100 * used) / budget.most),
      warnAt: budget.warn,
      anewAt: to,
      note: unpriced > 0 ? `${amount(budget, unpriced)} by the most expensive price: models without a known one` : "",
    };
  };
  const accountOf = (id: string) => accounts.all().find(({ budget }) => budget.id === id);
  return {
    "usage.show": ({ by, since, group: folder }) => {
      const group = folder === undefined ? null : agentGroupAt(store, folder).id;
      const from = firstDay(since, clock.now(), store.users.timeZone());
      const label = (key: string) => labelOf(meter, by, key);
      const rows = ledger
        .grouped(by, from, group)
        .map((row) => ({ ...shownSums(row), key: row.key, label: label(row.key) }));
      return {
        by,
        since: from,
        rows,
        total: shownSums(ledger.total(from, group)),
      };
    },
    "usage.prices": () => prices.all().flatMap(shownPrice),
    "usage.price": ({ model, ...price }, { record }) => {
      if (/\*./.test(model)) throw new Misuse(`"${model}" can't stand for models`, "A * may stand at the end only.");
      const { input, output, cacheRead = input, cacheWrite = input } = price;
      if (prices.all().length >= MOST_PRICES)
        throw new Misuse("no more prices are kept", "Forget one with `ncl usage forget`.");
      return record(
        `price:${model}`,
        () => {
          const [of, write] = [micros, micros(cacheWrite)];
          const set = { input: of(input), output: of(output), cacheRead: of(cacheRead), cacheWrite: write };
          prices.set(model, { ...set, cacheWriteHour: write }, clock.now());
          const [shown] = prices.all().flatMap((one) => (one.models[0] === model ? shownPrice(one) : []));
          if (!shown) throw new Error(`the price of ${model} was not kept`);
          return shown;
        },
        price,
      );
    },
    "usage.forget": ({ model }, { record }) =>
      record(`price:${model}`, () => {
        if (prices.forget(model)) return { done: true };
        throw new Misuse(`no price was set for "${model}"`, "`ncl usage prices` shows which were set here.");
      }),

    "budgets.list": () => accounts.all().map(shownBudget),
    "budgets.set": (wanted, { record }) => {
      const { unit, most } = mostOf(wanted);
      const { scope, subject } = scopeOf(wanted);
      const known = budgets.all();
      const same = known.find(
        (one) => one.scope === scope && one.subject === subject && one.per === wanted.per && one.unit === unit,
      );
      if (!same && known.length >= MOST_BUDGETS)
        throw new Misuse(
          `there are ${MOST_BUDGETS} budgets, and no more are kept`,
          "Remove one with `ncl budgets remove`.",
        );
      const id = same?.id ?? `b-${random.token(6)}`;
      return record(
        `budget:${id}`,
        () => {
          budgets.set({ id, scope, subject, per: wanted.per, unit, most, warn: wanted.warn, createdAt: clock.now() });
          accounts.forget();
          const account = accountOf(id);
          if (!account) throw new Error(`the budget ${id} was not kept`);
          return shownBudget(account);
        },
        { scope, subject, per: wanted.per, unit, most, before: same?.most ?? null },
      );
    },
    "budgets.remove": ({ budget: id }, { record }) =>
      record(`budget:${id}`, () => {
        if (!budgets.remove(id)) throw new Misuse(`there is no budget "${id}"`, "`ncl budgets list` shows them.");
        accounts.forget();
        return { done: true };
      }),
  };

  function scopeOf({ group, person, session }: VerbArgs<"budgets.set">): Pick<Budget, "scope" | "subject"> {
    const given = [group, person, session].filter((one) => one !== undefined);
    if (given.length > 1)
      throw new Misuse("a budget is for one agent, person or session", "Give one of --group, --person and --session.");
    if (group !== undefined) return { scope: "agent", subject: agentGroupAt(store, group).id };
    if (session !== undefined) {
      if (store.sessions.session(session as SessionId)) return { scope: "session", subject: session };
      throw new Misuse(`there is no session "${session}"`, "`ncl sessions list` shows them.");
    }
    if (person === undefined) return { scope: "all", subject: "" };
    if (/^[^:\s]+:\S+$/.test(person)) return { scope: "person", subject: person };
    throw new Misuse(`"${person}" is no person`, "Write channel:handle, as `ncl usage --by person --json` shows them.");
  }
}

function mostOf({ usd, tokens }: VerbArgs<"budgets.set">): Pick<Budget, "unit" | "most"> {
  if (usd !== undefined && tokens === undefined) return { unit: "usd", most: micros(usd) };
  if (tokens !== undefined && usd === undefined) return { unit: "tokens", most: tokens };
  throw new Misuse("a budget is in dollars or in tokens", "Give one of --usd and --tokens.");
}

/** @throws Misuse for a date that does not exist */
function firstDay(since: string, now: number, timeZone: string): string {
  const [, days] = /^(\d+)d$/.exec(since) ?? [];
  if (days !== undefined) return dayOf(now, timeZone, Math.max(1, Number(days)) - 1);
  const at = Date.parse(since);
  if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(since)) return since;
  throw new Misuse(`there is no day ${since}`, "Write it like 2030-01-31, or a number of days such as 7d.");
}

function labelOf(meter: RequestMeter, by: UsageKey, key: string): string {
  return by === "agent" || by === "person" ? meter.nameOf(by, key) : key || "(not named)";
}

/** What a status line tells of today. */
export function usedToday({ store, clock, meter }: Omit<UsageParts, "random">) {
  const day = dayOf(clock.now(), store.users.timeZone());
  return shownSums(meter.ledger.total(day, null));
}

function shownSums({ requests, input, output, cacheRead, cacheWrite, cost, estimated, unpriced }: Sums) {
  return { requests, input, output, cacheRead, cacheWrite, cost, estimated, unpriced };
}

const micros = (usd: number) => Math.round(usd * 1e6);

function shownPrice({ models, price, longPrompt, source, date }: ListedPrice) {
  return models.map((model) => ({
    model,
    ...{ input: usd(price.input), output: usd(price.output), cacheRead: usd(price.cacheRead) },
    ...{ cacheWrite: usd(price.cacheWrite), cacheWriteHour: usd(price.cacheWriteHour) },
    note: longPrompt ? `more above ${tokens(longPrompt.above)} tokens of input` : "",
    ...{ source, date },
  }));
}

const usd = (micros: number) => micros / 1e6;
