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

/** Time as a runner has it; the simulation brings its own. */
interface Timing {
  now(): number;
  /** @returns what takes it back */
  after(ms: number, run: () => void): () => void;
}

const real: Timing = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export interface LivenessOptions {
  budgets: RunnerConfig["budgets"];
  beat(): void;
  /** The turn that runs has to end. */
  over(failure: Failure): void;
  /** Between two beats, in milliseconds; for tests. */
  every?: number;
  timing?: Timing;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #timing: Timing;
  #turn: number | null = null;
  #watch: Watch | null = null;
  #beatAt = 0;
  #cancel = () => {};

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#timing = options.timing ?? real;
  }

  /** Tells which turn runs now, null for none. */
  follow(turn: number | null): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    const now = this.#timing.now();
    this.#watch = turn === null ? null : new Watch(this.#options.budgets, now);
    this.#beatAt = now + (this.#options.every ?? BEAT);
    this.#wait();
  }

  /** To be called with each event of the turn that runs, after it has taken effect. */
  hear(event: ProviderEvent): void {
    const failure = this.#watch?.hear(event, this.#timing.now());
    if (failure) this.#options.over(failure);
    // Other events only put a budget's end off: that is seen when the timer fires.
    else if (event.type === "tool_started" || event.type === "tool_ended") this.#wait();
  }

  #wait(): void {
    this.#cancel();
    if (!this.#watch) return;
    const ms = Math.min(this.#beatAt, this.#watch.next().at) - this.#timing.now();
    this.#cancel = this.#timing.after(Math.max(0, Math.ceil(ms)), () => this.#look());
  }

  #look(): void {
    const next = this.#watch?.next();
    const now = this.#timing.now();
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
