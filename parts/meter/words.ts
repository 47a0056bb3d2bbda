/** What people and agents are told about costs and limits, in plain words: what happened and what to do now. */
import { dollars, tokens } from "../../api/money.ts";
import { localTime } from "../../packages/calendar/parse.ts";
import type { Budget } from "./budgets.ts";
import type { Kind } from "./runaway.ts";

const PER = { day: " a day", month: " a month", total: " in all" } as const;

/** `$5.00 a day for the agent "main"`. @param who the budget's subject as people know it */
export function budgetName(budget: Budget, who: string): string {
  return `${amount(budget, budget.most)}${PER[budget.per]} for ${whose(budget.scope, who)}`;
}

export function amount({ unit }: Pick<Budget, "unit">, value: number): string {
  return unit === "usd" ? dollars(value) : `${tokens(value)} tokens`;
}

function whose(scope: Budget["scope"], who: string): string {
  switch (scope) {
    case "all":
      return "all agents together";
    case "agent":
      return `the agent "${who}"`;
    case "person":
      return who;
    case "session":
      return `the session ${who}`;
  }
}

/** The command that makes room for as much again, in a number that people would choose. */
function raise({ scope, subject, per, unit, most }: Budget, used: number, who: string): string {
  const room = Number((2 * Math.max(most, used)).toPrecision(2));
  const more = unit === "usd" ? `--usd ${room / 1e6}` : `--tokens ${room}`;
  const flags = { all: "", agent: ` --group ${who}`, person: ` --person ${subject}`, session: ` --session ${subject}` };
  return `\`ncl budgets set ${more} --per ${per}${flags[scope]}\``;
}

export interface Shown {
  budget: Budget;
  who: string;
  used: number;
  /** The part of it that has no known price; 0 for tokens. */
  unpriced: number;
  /** When it starts anew; null for never. */
  anew: number | null;
  timeZone: string;
}

const begins = ({ anew, timeZone }: Shown) =>
  anew === null ? "It does not start anew by itself" : `It starts anew on ${localTime(anew, timeZone)} (${timeZone})`;

const guessed = ({ budget, unpriced }: Shown) =>
  unpriced > 0
    ? ` ${amount(budget, unpriced)} of it is for models without a known price, counted by the most expensive one.`
    : "";

/** Ends the turn: the person reads it, with "then write again" behind. */
export function usedUp(shown: Shown, why: "used up" | "under way"): string {
  const { budget, who, used } = shown;
  const state = why === "used up" ? "is used up" : "is nearly used up, and requests under way may take the rest";
  return `the budget of ${budgetName(budget, who)} ${state}: ${amount(budget, used)} so far.${guessed(shown)} ${begins(shown)}. To go on now, raise it: ${raise(budget, used, who)}`;
}

export function nearlyUsedUp(shown: Shown): string {
  const { budget, who, used } = shown;
  const share = Math.floor((100 * used) / budget.most);
  return `The budget of ${budgetName(budget, who)} is used up to ${share} %: ${amount(budget, used)} so far.${guessed(shown)} At its end turns are stopped. ${begins(shown)}; ${raise(budget, used, who)} raises it.`;
}

const DOES: Record<Kind, (count: number) => string> = {
  rate: (count) => `asked the model ${count} times within a minute`,
  same: (count) => `asked the model the very same for the ${count}th time in one turn`,
  idle: (count) => `asked the model ${count} times while nobody had asked for anything`,
};

export const runsAway = (kind: Kind, count: number, stop: number): string =>
  `What runs in my container has ${DOES[kind](count)}. If it goes on so, I stop it at ${stop}. \`/stop\` stops it now.`;

/** Ends the turn, like `usedUp`. */
export const ranAway = (kind: Kind, count: number): string =>
  `what runs in the container has ${DOES[kind](count)}, as no honest work does. Nothing more is let out until the next message. Ask for it in another way`;

export const ranAwayIdle = (kind: Kind, count: number): string =>
  `What runs in my container has ${DOES[kind](count)}, so I have ended it. Your next message starts it anew.`;

export const ownerOfRunaway = (agent: string, session: string, kind: Kind, count: number): string =>
  `The session ${session} of the agent "${agent}" has ${DOES[kind](count)} and was stopped. \`ncl usage --by session\` shows what it cost.`;

export const UNCOUNTABLE =
  "this request can't be counted, so it is not let out: the disk may be full. Make room on this machine";
