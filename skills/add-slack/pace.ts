/** Keeps what goes to Slack to the pace that it allows, and to the errors that a channel's contract knows. */
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { Retryable } from "../../src/lib/errors.ts";
import { asContract, failureOf } from "./failures.ts";
import { type Act, RateLimits } from "./limits.ts";

/** A message waits here for its turn so long, milliseconds; with more to wait the host has it back. */
const LONGEST_WAIT = 10_000;

export class Pace {
  readonly #clock: Clock;
  readonly #limits = new RateLimits();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for a turn and takes it; a draft does not wait. @throws Retryable where that would take too long */
  async turn(act: Act, what: "message" | "draft"): Promise<void> {
    const wait = this.#limits.wait(act, this.#clock.now(), what);
    if (wait > (what === "draft" ? 0 : LONGEST_WAIT))
      throw new Retryable("Slack has had as much as it allows for now", wait);
    this.#limits.take(act, this.#clock.now() + wait);
    if (wait > 0) await sleep(this.#clock, wait);
  }

  /** Does it, and remembers where Slack wants to hear no more of the kind for a while. */
  async keep<Result>(act: Act, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request();
    } catch (error) {
      const { status, after } = failureOf(error);
      if (status === 429) this.#limits.hold(act, this.#clock.now() + (after ?? 0));
      throw asContract(error);
    }
  }
}
