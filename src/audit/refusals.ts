/**
 * Refusals as few records: the first of a kind at once, its repetitions as one record with their count when the window
 * ends. Bounded for each source and for all: whoever is refused without end writes a bounded number of rows a minute.
 */
import type { Clock, Timer } from "../lib/clock.ts";
import type { Database } from "../lib/sqlite.ts";
import type { AuditEntry } from "./audit.ts";

/** Milliseconds. */
export const WINDOW = 60_000;
/** Kinds of refusal of one source that are told apart within a window, and sources. The others count together. */
export const MOST_KINDS = 10;
export const MOST_SOURCES = 20;
const OTHERS = "others";

interface Held {
  /** The latest of its kind. */
  entry: AuditEntry;
  /** How many are not recorded yet. */
  times: number;
}

export class Refusals {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #append: (entry: AuditEntry) => void;
  /** By source, then by kind. */
  readonly #held = new Map<string, Map<string, Held>>();
  #timer: Timer | null = null;

  constructor(db: Database, clock: Clock, append: (entry: AuditEntry) => void) {
    this.#db = db;
    this.#clock = clock;
    this.#append = append;
  }

  add(entry: AuditEntry): void {
    const source = slot(this.#held, entry.session ?? entry.actor, MOST_SOURCES);
    const kinds = this.#held.get(source) ?? new Map<string, Held>();
    const kind = slot(kinds, JSON.stringify([entry.verb, entry.resource, entry.detail?.why]), MOST_KINDS);
    const known = kinds.get(kind);
    if (known) {
      known.times += 1;
      known.entry = entry;
      return;
    }
    this.#append(entry);
    // What is rolled back was never recorded, so the next of its kind is.
    this.#db.afterCommit(() => {
      this.#held.set(source, kinds.set(kind, { entry, times: 0 }));
      this.#wait();
    });
  }

  /** Records what is held. @throws Retryable where that can't be written: then it is held on */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#db.transaction(() => {
      for (const kinds of this.#held.values()) {
        for (const { entry, times } of kinds.values())
          if (times > 0) this.#append({ ...entry, detail: { ...entry.detail, times } });
      }
      this.#db.afterCommit(() => this.#held.clear());
    });
  }

  #wait(): void {
    this.#timer ??= this.#clock.after(WINDOW, () => {
      try {
        this.flush();
      } catch {
        this.#wait();
      }
    });
  }
}

/** A key that is known or has room; else the one that all others share. */
const slot = (known: ReadonlyMap<string, unknown>, key: string, most: number) =>
  known.has(key) || known.size < most ? key : OTHERS;
