/**
 * The promise that nobody waits in silence: a message that no turn took up in time is answered with a notice that says
 * why. One timer, set to the message that waits longest; none where nothing waits.
 */
import type { Clock, Timer } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { SessionId } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import { EVERYWHERE } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { stillWaiting } from "./notices.ts";

/** A message may wait so long for its turn before the person is told, milliseconds. */
export const PATIENCE = 90_000;
/** A clock may be put right by so much without anybody noticing, milliseconds. */
const SLEW = 1_000;
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
  /** All that waits came in this process, so it is known how long it has been waiting. */
  #known = false;

  constructor(parts: DeadlineParts) {
    this.#parts = parts;
  }

  /** Something new waits. */
  arm(): void {
    if (this.#timer || this.#stopped) return;
    const { store, clock } = this.#parts;
    const oldest = store.inbox.oldestUntold();
    if (oldest === null) this.#known = true;
    else this.#lookIn(Math.min(Math.max(oldest + PATIENCE - clock.now(), 0), PATIENCE));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #lookIn(ms: number): void {
    const { clock, log } = this.#parts;
    const due = this.#known ? clock.now() + ms : Number.POSITIVE_INFINITY;
    this.#timer = clock.after(ms, () => {
      this.#timer = null;
      try {
        this.#look(due);
        this.arm();
      } catch (error) {
        log.error({ error: messageOf(error) }, "people who wait could not be told; it is tried again");
        this.#lookIn(AFTER_TROUBLE);
      }
    });
  }

  /** @param due when this look was to come, by the clock as it was; what an earlier process left may be from before a change */
  #look(due: number): void {
    const { store, clock, causeOf } = this.#parts;
    const now = clock.now();
    // After the clock was set back nobody can say how long they have waited: told early is better than told late.
    const limit = now < due - SLEW ? Number.MAX_SAFE_INTEGER : now - PATIENCE;
    this.#known = true;
    for (const { session: id, number, ...asked } of store.inbox.untold(limit)) {
      const session = store.sessions.session(id);
      // Where one conversation is had in many chats another one than theirs may be spoken to now.
      const address = session?.conversation === EVERYWHERE ? asked : session;
      store.db.transaction(() => {
        store.inbox.tell(id);
        if (!address) return;
        const said = { text: stillWaiting(causeOf(id)), key: `${id}:waits:${number}` };
        store.outbox.notify({ ...said, sessionId: id, address, cause: store.inbox.record(id, number) }, now);
      });
    }
  }
}
