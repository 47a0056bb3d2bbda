/**
 * Judges one turn by what the provider says of it: whether it goes on at all, and whether it goes round in circles.
 * Pure: times come in, in milliseconds of any one clock.
 */
import type { RunnerConfig } from "../../protocol/config.ts";
import type { ProviderEvent } from "./providers/provider.ts";
import type { Failure } from "./turns.ts";

/** What a tool may take beyond the time that it has set itself: it needs some of that to end. */
const BEYOND_LIMIT = 30_000;
/** The same call again: a poll that a person would wait for is shorter, or sleeps inside of one call. */
const SAME_IN_A_ROW = 8;
/** A circle: this many calls that are only so many different ones. */
const CIRCLE = 24;
const DIFFERENT_IN_CIRCLE = 3;

export class Watch {
  readonly #budgets: RunnerConfig["budgets"];
  readonly #began: number;
  #heard: number;
  /** Tools that run, by call, with the time that each may take. */
  readonly #tools = new Map<string, { name: string; since: number; budget: number }>();
  /** The last calls, newest last. */
  #calls: { name: string; same: string }[] = [];

  constructor(budgets: RunnerConfig["budgets"], now: number) {
    this.#budgets = budgets;
    this.#began = now;
    this.#heard = now;
  }

  /** @returns a failure when the turn has to end because of what it does. */
  hear(event: ProviderEvent, now: number): Failure | null {
    this.#heard = now;
    if (event.type === "tool_ended") this.#tools.delete(event.call);
    if (event.type !== "tool_started") return null;
    const { call, name, same, limit } = event;
    const budget = Math.max(this.#budgets.tool, limit === null ? 0 : limit + BEYOND_LIMIT);
    this.#tools.set(call, { name, since: now, budget });
    this.#calls = [...this.#calls, { name, same }].slice(-CIRCLE);
    return this.#loop();
  }

  /** Which budget is over first, and when, if nothing more is heard. */
  next(): { at: number; failure: Failure } {
    const { model, turn } = this.#budgets;
    const ends = [{ at: this.#began + turn, message: `the turn did not end in ${inWords(turn)}` }];
    for (const { name, since, budget } of this.#tools.values()) {
      ends.push({ at: since + budget, message: `the tool ${name} gave no end in ${inWords(budget)}` });
    }
    if (this.#tools.size === 0) {
      ends.push({ at: this.#heard + model, message: `nothing was heard from the model for ${inWords(model)}` });
    }
    const { at, message } = ends.reduce((first, end) => (end.at < first.at ? end : first));
    return { at, failure: { class: "stuck", message } };
  }

  #loop(): Failure | null {
    const row = this.#calls.slice(-SAME_IN_A_ROW);
    if (row.length === SAME_IN_A_ROW && different(row) === 1) {
      const message = `the tool ${row[0]?.name} was called ${SAME_IN_A_ROW} times in a row with the same input`;
      return { class: "loop", message };
    }
    if (this.#calls.length < CIRCLE || different(this.#calls) > DIFFERENT_IN_CIRCLE) return null;
    const names = [...new Set(this.#calls.map(({ name }) => name))].join(", ");
    const message = `the last ${CIRCLE} tool calls (${names}) were only ${different(this.#calls)} different ones`;
    return { class: "loop", message };
  }
}

const different = (calls: { same: string }[]) => new Set(calls.map(({ same }) => same)).size;

function inWords(ms: number): string {
  const [unit, size] = ms < 120_000 ? ["second", 1000] : ms < 2 * 3_600_000 ? ["minute", 60_000] : ["hour", 3_600_000];
  const count = Math.round((10 * ms) / size) / 10;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
