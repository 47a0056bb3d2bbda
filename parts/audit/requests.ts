/**
 * The door's book in the audit log. What goes out with a credential has an intent, durable before it goes, and an
 * outcome that names it; what can't be recorded does not go. Intents that come together share one commit.
 */
import type { Audit } from "../../src/audit/audit.ts";
import type { RequestIntent, RequestRecord } from "../../src/gateway/door.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";

/** Until outcomes that could not be written are tried again, milliseconds. */
const AFTER_TROUBLE = 5_000;
/** Outcomes that are held until they can be written; their intents are there all the same. */
const MOST_HELD = 1_000;

export interface RequestParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
}

interface Waiting {
  request: RequestIntent;
  resolve(record: number): void;
  reject(error: unknown): void;
}

export class RequestBook {
  readonly #parts: RequestParts;
  #waiting: Waiting[] = [];
  #held: RequestRecord[] = [];
  #timer: Timer | null = null;

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /**
   * Before a request goes out. Resolves when its intent is durable, to the number of that; to null where it carries no
   * credential. @throws Retryable where nothing can be recorded
   */
  async intend(request: RequestIntent): Promise<number | null> {
    if (this.#held.length > 0) this.#writeHeld();
    if (request.credential === null) return null;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#commit());
    });
  }

  /** After it: never throws, for it has happened. */
  record(outcome: RequestRecord): void {
    try {
      this.#write(outcome);
    } catch (error) {
      this.#parts.log.error({ error: messageOf(error) }, "a request could not be recorded; it is tried again");
      if (outcome.decision === "allow" && this.#held.length < MOST_HELD) this.#held.push(outcome);
      this.#tryLater();
    }
  }

  /** Writes what is held, as far as that can be done. */
  close(): void {
    this.#timer?.cancel();
    try {
      this.#writeHeld();
    } catch (error) {
      this.#parts.log.error(
        { error: messageOf(error), lost: this.#held.length },
        "outcomes of requests are not recorded",
      );
    }
  }

  #commit(): void {
    const { store } = this.#parts;
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const numbers = store.db.transaction(() => waiting.map(({ request }) => this.#begin(request)));
      for (const [index, { resolve }] of waiting.entries()) resolve(numbers[index] ?? 0);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  #begin({ session, agentGroup, method, host, path, credential }: RequestIntent): number {
    return this.#parts.audit.append({
      ...{ actor: `agent:${agentGroup}`, verb: "request.begin", resource: `${host}${path}`, decision: "allow" },
      ...this.#turnOf(session),
      detail: { method, credential },
    });
  }

  #write({ session, agentGroup, method, host, path, decision, intent, ...outcome }: RequestRecord): void {
    const { audit } = this.#parts;
    const about = {
      ...{ actor: `agent:${agentGroup}`, verb: `request.${method.toLowerCase()}`, resource: `${host}${path}` },
      ...this.#turnOf(session),
      ...(intent !== null && { cause: intent }),
    };
    if (decision === "deny" && intent === null) audit.refuse({ ...about, detail: outcome });
    else audit.append({ ...about, decision, detail: outcome });
  }

  #writeHeld(): void {
    this.#parts.store.db.transaction(() => {
      for (const outcome of this.#held) this.#write(outcome);
    });
    this.#held = [];
  }

  #tryLater(): void {
    this.#timer ??= this.#parts.clock.after(AFTER_TROUBLE, () => {
      this.#timer = null;
      try {
        this.#writeHeld();
      } catch {
        this.#tryLater();
      }
    });
  }

  /** A request belongs to the turn that runs in its session. */
  #turnOf(session: string) {
    const { turns } = this.#parts.store;
    const turn = turns.running(session as SessionId);
    return { session, turn, cause: turn === null ? null : turns.record(session as SessionId, turn) };
  }
}
