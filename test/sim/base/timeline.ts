/**
 * Simulated time: one queue of events. What falls due in the same millisecond happens in an order that the seed decides.
 * After each event everything that it set going in promises has run, so a run has no other order than this one.
 */
import type { Timer } from "../../../src/lib/clock.ts";
import type { Life } from "./life.ts";
import type { Rng } from "./rng.ts";

interface Event {
  at: number;
  tie: number;
  life: Life;
  run: () => void;
  cancelled: boolean;
}

export class Timeline {
  /** Milliseconds since the beginning; only ever grows. */
  now = 0;
  /** Events that have happened. */
  steps = 0;
  readonly #rng: Rng;
  readonly #heap: Event[] = [];

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Calls `run` once after `ms` milliseconds, unless `life` has ended by then. */
  after(life: Life, ms: number, run: () => void): Timer {
    const at = this.now + Math.max(0, Math.ceil(ms));
    const event: Event = { at, tie: this.#rng.fraction(), life, run, cancelled: false };
    if (life.alive) this.#push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** Resolves after `ms` milliseconds; never, where `life` ends before. */
  sleep(life: Life, ms: number): Promise<void> {
    return new Promise((resolve) => this.after(life, ms, resolve));
  }

  /** How many events that life waits for. */
  pending(life: Life): number {
    return this.#heap.filter((event) => event.life === life && !event.cancelled).length;
  }

  /** Lets time pass until `end`, or until `enough` says so after an event. */
  async runUntil(end: number, enough: () => boolean): Promise<void> {
    for (;;) {
      const event = this.#pop(end);
      if (!event) break;
      this.now = event.at;
      if (event.life.frozen) continue;
      this.steps += 1;
      try {
        event.run();
      } catch (error) {
        event.life.fail(error);
      }
      await settled();
      if (enough()) return;
    }
    this.now = end;
  }

  /** The next event that is due by `end` and still wanted. */
  #pop(end: number): Event | null {
    for (;;) {
      const first = this.#heap[0];
      if (!first || first.at > end) return null;
      const last = this.#heap.pop();
      if (last && last !== first) this.#sink(last);
      if (!first.cancelled && first.life.alive) return first;
    }
  }

  #push(event: Event): void {
    let index = this.#heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (!parent || isBefore(parent, event)) break;
      this.#heap[index] = parent;
      index = above;
    }
    this.#heap[index] = event;
  }

  #sink(event: Event): void {
    let index = 0;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const least = left && right ? (isBefore(left, right) ? left : right) : left;
      if (!least || isBefore(event, least)) break;
      this.#heap[index] = least;
      index = least === left ? 2 * index + 1 : 2 * index + 2;
    }
    this.#heap[index] = event;
  }
}

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.tie < b.tie);

/** Resolves when no promise has anything left to do; also after `unhandledRejection` was told. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
