/** One change of a thing at a time, in order; of those that wait only the latest is made. For edits of a message. */
import { Rejected } from "../../src/lib/errors.ts";

interface Lane {
  replaced: AbortController;
  /** Never rejects. */
  done: Promise<void>;
}

export class LatestOnly {
  readonly #lanes = new Map<string, Lane>();

  /**
   * @throws Rejected where a later change took its place before it was made
   */
  async run(key: string, change: () => Promise<void>): Promise<void> {
    const earlier = this.#lanes.get(key);
    earlier?.replaced.abort();
    const replaced = new AbortController();
    const made = (earlier?.done ?? Promise.resolve()).then(() => {
      if (replaced.signal.aborted) throw new Rejected("a later edit of this message took its place");
      return change();
    });
    const lane: Lane = { replaced, done: made.catch(() => {}) };
    this.#lanes.set(key, lane);
    try {
      await made;
    } finally {
      if (this.#lanes.get(key) === lane) this.#lanes.delete(key);
    }
  }
}
