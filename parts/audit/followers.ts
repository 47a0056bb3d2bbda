/** Those who wait for new records: a commit wakes them, and each reads from where it is. Nothing is queued for a slow one. */

export interface Wake {
  /** Resolves after the next commit with a record, at once where there was one since it last resolved, and at the end. */
  next(): Promise<void>;
  end(): void;
}

interface Follower {
  missed: boolean;
  wake(): void;
}

export class Followers {
  readonly #all = new Set<Follower>();

  onCommit(): void {
    for (const follower of this.#all) {
      follower.missed = true;
      follower.wake();
    }
  }

  /** @param signal ends when the follower goes away */
  add(signal: AbortSignal): Wake {
    const follower: Follower = { missed: false, wake: () => {} };
    const gone = () => follower.wake();
    this.#all.add(follower);
    signal.addEventListener("abort", gone);
    return {
      next: async () => {
        if (!follower.missed && !signal.aborted)
          await new Promise<void>((resolve) => Object.assign(follower, { wake: resolve }));
        follower.missed = false;
      },
      end: () => {
        this.#all.delete(follower);
        signal.removeEventListener("abort", gone);
      },
    };
  }
}
