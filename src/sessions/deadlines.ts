/**
 * The promise that nobody waits in silence: a message that no turn took up in time is answered with a notice that says
 * why. One timer, set to the message that waits longest; none where nothing waits.
 */
import type { Clock, Timer } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { SessionId } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import { stillWaiting } from "./notices.ts";

/** A message may wait so long for its turn before the person is told, milliseconds. */
export const PATIENCE = 90_000;
/** Pause after the database could not be written, milliseconds. */
const AFTER_TROUBLE = 10_000;

export interface DeadlineParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** What holds the session's messages up, in words for people. */
  causeOf(session: SessionId): string;
}

export class Deadlines {
  readonly #parts: DeadlineParts;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: DeadlineParts) {
    this.#parts = parts;
  }

  /** Something new waits. */
  arm(): void {
    if (this.#timer || this.#stopped) return;
    const oldest = this.#parts.store.inbox.oldestUntold();
    if (oldest === null) return;
    const age = this.#parts.clock.now() - oldest;
    this.#lookIn(Math.min(Math.max(PATIENCE - age, 0), PATIENCE), Math.max(0, -age));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** @param setBack by how much the clock is known to be behind what waits, milliseconds */
  #lookIn(ms: number, setBack = 0): void {
    const { clock } = this.#parts;
    const due = clock.now() + ms + setBack;
    this.#timer = clock.after(ms, () => {
      this.#timer = null;
      try {
        // A clock that was set back makes everything look younger by as much.
        this.#look(Math.max(0, due - clock.now()));
        this.arm();
      } catch (error) {
        this.#parts.log.error({ error: messageOf(error) }, "people who wait could not be told; it is tried again");
        this.#lookIn(AFTER_TROUBLE);
      }
    });
  }

  #look(setBack: number): void {
    const { store, clock, causeOf } = this.#parts;
    const now = clock.now();
    for (const { session: id, number } of store.inbox.untold(now - PATIENCE + setBack)) {
      const session = store.sessions.session(id);
      store.db.transaction(() => {
        store.inbox.tell(id);
        if (!session) return;
        const said = { author: "system", text: stillWaiting(causeOf(id)), key: `${id}:waits:${number}` } as const;
        store.outbox.add({ ...said, sessionId: id, address: session }, now);
      });
    }
  }
}
