/** Tells of refusals, equal ones together: a container could fill the host's records with them. */
import type { Destination } from "../../../src/gateway/egress.ts";
import type { Clock, Timer } from "../../../src/lib/clock.ts";

/** Equal ones within so many milliseconds are told twice: the first at once, the others together at the end. */
const WINDOW = 60_000;
/** Kinds that are told apart within a window. */
const MAX_KINDS = 20;

type Tell = (to: Destination | null, why: string, times: number) => void;

export class Refusals {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #repeated = new Map<string, { to: Destination | null; why: string; times: number }>();
  #timer: Timer | null = null;

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(to: Destination | null, why: string): void {
    const full = this.#repeated.size >= MAX_KINDS;
    const key = full && !this.#repeated.has(why) ? "others" : why;
    const known = this.#repeated.get(key);
    if (known) {
      known.times += 1;
      known.to = to;
      return;
    }
    this.#repeated.set(key, { to, why, times: 0 });
    this.#timer ??= this.#clock.after(WINDOW, () => this.flush());
    this.#tell(to, why, 1);
  }

  /** Tells what is still held. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const held = [...this.#repeated.values()];
    this.#repeated.clear();
    for (const { to, why, times } of held) if (times > 0) this.#tell(to, why, times);
  }
}
