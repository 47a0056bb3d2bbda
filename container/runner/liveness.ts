/**
 * Liveness of the turn that runs: a beat every ten seconds as a sign of life, and an eye on its budgets. While no turn
 * runs there is no timer.
 */
import type { RunnerConfig } from "../../protocol/config.ts";
import type { ProviderEvent } from "./providers/provider.ts";
import type { Failure } from "./turns.ts";
import { Watch } from "./watch.ts";

/** Between two signs of life, in milliseconds. */
const BEAT = 10_000;

export interface LivenessOptions {
  budgets: RunnerConfig["budgets"];
  beat(): void;
  /** The turn that runs has to end. */
  over(failure: Failure): void;
  /** Between two beats, in milliseconds; for tests. */
  every?: number;
}

export class Liveness {
  readonly #options: LivenessOptions;
  #turn: number | null = null;
  #watch: Watch | null = null;
  #beatAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** Tells which turn runs now, null for none. */
  follow(turn: number | null): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#watch = turn === null ? null : new Watch(this.#options.budgets, performance.now());
    this.#beatAt = performance.now() + (this.#options.every ?? BEAT);
    this.#wait();
  }

  /** To be called with each event of the turn that runs, after it has taken effect. */
  hear(event: ProviderEvent): void {
    const failure = this.#watch?.hear(event, performance.now());
    if (failure) this.#options.over(failure);
    // Other events only put a budget's end off: that is seen when the timer fires.
    else if (event.type === "tool_started" || event.type === "tool_ended") this.#wait();
  }

  #wait(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#watch) return;
    const at = Math.min(this.#beatAt, this.#watch.next().at);
    this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.ceil(at - performance.now())));
  }

  #look(): void {
    const next = this.#watch?.next();
    const now = performance.now();
    if (next && next.at <= now) {
      this.#options.over(next.failure);
      return;
    }
    if (now >= this.#beatAt) {
      this.#beatAt = now + (this.#options.every ?? BEAT);
      this.#options.beat();
    }
    this.#wait();
  }
}
