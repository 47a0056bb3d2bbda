/** What one session may use of the gateway. A container can only use up its own share. */
import type { Clock } from "../../src/lib/clock.ts";
import type { Patience } from "./forward.ts";

export interface Limits {
  /** Open connections, the bell included. */
  connections: number;
  /** Bytes of a request's first lines and headers. */
  headerBytes: number;
  /** For headers and for the body to arrive, milliseconds each. */
  headerTime: number;
  bodyTime: number;
  /** Bytes of bodies that are held at once. */
  bodyBytes: number;
  /** Requests a second in the long run, and at once. */
  rate: number;
  burst: number;
  patience: Patience;
}

export const defaultLimits: Limits = {
  connections: 64,
  headerBytes: 16_384,
  headerTime: 10_000,
  bodyTime: 60_000,
  bodyBytes: 40_000_000,
  rate: 20,
  burst: 200,
  patience: { connect: 10_000, firstByte: 600_000, idle: 300_000 },
};

/** Lets `burst` through at once and `rate` a second in the long run. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, { rate, burst }: Pick<Limits, "rate" | "burst">) {
    this.#clock = clock;
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  take(): boolean {
    const now = this.#clock.now();
    const earned = (Math.max(0, now - this.#at) * this.#rate) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
