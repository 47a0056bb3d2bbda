/** Ends what has been silent for too long. Touching it costs next to nothing, so every chunk may do it. */
import type { Clock, Timer } from "../../../src/lib/clock.ts";

export class Idle {
  readonly #clock: Clock;
  readonly #over: () => void;
  #limit: number;
  #touched: number;
  #timer: Timer;

  /** @param limit milliseconds */
  constructor(clock: Clock, limit: number, over: () => void) {
    this.#clock = clock;
    this.#limit = limit;
    this.#over = over;
    this.#touched = clock.now();
    this.#timer = clock.after(limit, () => this.#look());
  }

  touch(): void {
    this.#touched = this.#clock.now();
  }

  /** From now on another limit holds. */
  set limit(limit: number) {
    this.#limit = limit;
    this.touch();
    this.#timer.cancel();
    this.#timer = this.#clock.after(limit, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const left = this.#limit - (this.#clock.now() - this.#touched);
    if (left <= 0) this.#over();
    else this.#timer = this.#clock.after(left, () => this.#look());
  }
}
