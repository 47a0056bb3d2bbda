/** One change of a message at a time, in order; of those that wait only the latest is made. */
import { Rejected } from "../../src/lib/errors.ts";

interface Lane {
  /** Makes those that wait give way. */
  replaced: AbortController;
  /** Never rejects. */
  done: Promise<void>;
}

export class LatestOnly {
  readonly #lanes = new Map<string, Lane>();

  /** @throws Rejected where a later change took its place before it was made */
  async run(key: string, change: () => Promise<void>): Promise<void> {
    const before = this.#lanes.get(key);
    before?.replaced.abort();
    const replaced = new AbortController();
    const made = (async () => {
      await before?.done;
      if (replaced.signal.aborted) throw new Rejected("a later edit of this message took its place");
      await change();
    })();
    const lane = { replaced, done: made.catch(() => {}) };
    this.#lanes.set(key, lane);
    try {
      await made;
    } finally {
      if (this.#lanes.get(key) === lane) this.#lanes.delete(key);
    }
  }
}
