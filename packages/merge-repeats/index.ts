/**
 * Events that repeat as few: the first of a kind passes at once, its repetitions are counted until they are taken. Bounded
 * for each source and for all, so whoever repeats without end, or never twice the same, costs a bounded number. Pure: no clock.
 */

interface Held<Event> {
  /** The latest of its kind. */
  event: Event;
  /** How many were counted and not taken. */
  times: number;
}

export interface Bounds {
  /** Kinds of one source that are told apart, and sources; whatever is beyond counts together. */
  kinds: number;
  sources: number;
}

const OTHERS = "others";

export class Repeats<Event> {
  readonly #bounds: Bounds;
  /** By source, then by kind. */
  readonly #held = new Map<string, Map<string, Held<Event>>>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** @returns null where it was counted; else what notes that it has passed */
  add(source: string, kind: string, event: Event): (() => void) | null {
    const from = slot(this.#held, source, this.#bounds.sources);
    const kinds = this.#held.get(from) ?? new Map<string, Held<Event>>();
    const name = slot(kinds, kind, this.#bounds.kinds);
    const known = kinds.get(name);
    if (!known) return () => void this.#held.set(from, kinds.set(name, { event, times: 0 }));
    known.times += 1;
    known.event = event;
    return null;
  }

  /** What was counted, each kind once. */
  counted(): Held<Event>[] {
    return [...this.#held.values()].flatMap((kinds) => [...kinds.values()].filter(({ times }) => times > 0));
  }

  /** Everything passes anew. */
  clear(): void {
    this.#held.clear();
  }
}

/** A key that is known or has room; else the one that all others share. */
const slot = (known: ReadonlyMap<string, unknown>, key: string, most: number) =>
  known.has(key) || known.size < most ? key : OTHERS;
