/**
 * What the audit log gets of requests. What only reads, and carries no key, is one record at its end; everything else is
 * recorded before it goes out and once more when it is over, both with its number. Refusals that repeat are merged.
 */
import type { Audit, AuditEntry } from "../../src/audit/audit.ts";
import type { DoorSession } from "../../src/gateway/door.ts";
import type { EgressEnd } from "../../src/gateway/egress.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";

/** Equal refusals within so many milliseconds are one record: the first at once, the others together at the end. */
const WINDOW = 60_000;
/** Kinds of refusal of one session that are told apart within a window. */
const MOST_KINDS = 20;
const MOST_TEXT = 500;

export interface Passing {
  session: DoorSession;
  /** The running turn; null between turns. */
  turn: number | null;
  /** "get", "post", "tunnel", ... */
  what: string;
  resource: string;
  rule: number;
  credential: string | null;
}

export interface BookParts {
  audit: Audit;
  clock: Clock;
  log: Log;
}

interface Repeated {
  entry: AuditEntry;
  times: number;
}

export class Book {
  readonly #parts: BookParts;
  readonly #open = new Map<number, Passing & { recorded: boolean }>();
  readonly #repeated = new Map<string, Map<string, Repeated>>();
  #timer: Timer | null = null;
  #lastId = 0;

  constructor(parts: BookParts) {
    this.#parts = parts;
  }

  /** A request is about to go out. @returns its number. @throws where its intent can't be recorded */
  begin(passing: Passing): number {
    const { audit, clock } = this.#parts;
    const recorded = passing.credential !== null || !["get", "head", "options"].includes(passing.what);
    // Grows also over restarts of the host, so that two records with one number belong together.
    const id = Math.max(this.#lastId + 1, clock.now() * 1000);
    this.#lastId = id;
    if (recorded) audit.append({ ...entryOf(passing, id), decision: "allow" });
    this.#open.set(id, { ...passing, recorded });
    return id;
  }

  /** What went out under that number, while it is on its way. */
  passing(id: number): Passing | undefined {
    return this.#open.get(id);
  }

  end(id: number, { status, address, why, requestBytes, responseBytes, ms }: EgressEnd): void {
    const passing = this.#open.get(id);
    if (!this.#open.delete(id) || !passing) return;
    const entry = entryOf(passing, id);
    const came = { status, address, why: why.slice(0, MOST_TEXT), requestBytes, responseBytes, ms };
    const detail = { ...entry.detail, ...came };
    this.#append({ ...entry, detail, decision: passing.recorded ? "fact" : "allow" });
  }

  refused(session: DoorSession, what: string, resource: string, why: string, times = 1): void {
    const detail = { session: session.id, why: why.slice(0, MOST_TEXT) };
    const entry: AuditEntry = {
      ...{ actor: `agent:${session.agentGroup}`, verb: `egress.${what}`, decision: "deny", detail },
      resource: resource.slice(0, MOST_TEXT),
    };
    const kinds = this.#repeated.get(session.id) ?? new Map<string, Repeated>();
    this.#repeated.set(session.id, kinds);
    const kind = JSON.stringify([entry.verb, entry.resource, why]);
    const key = kinds.has(kind) || kinds.size < MOST_KINDS ? kind : "others";
    const known = kinds.get(key);
    kinds.set(key, { entry, times: (known?.times ?? 0) + (known ? times : times - 1) });
    this.#timer ??= this.#parts.clock.after(WINDOW, () => this.flush());
    if (!known) this.#append(entry);
  }

  /** Records what is still held back. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const held = [...this.#repeated.values()].flatMap((kinds) => [...kinds.values()]);
    this.#repeated.clear();
    for (const { entry, times } of held) {
      if (times > 0) this.#append({ ...entry, detail: { ...entry.detail, times } });
    }
  }

  /** The request is over or refused already: that it could not be recorded must not end the host. */
  #append(entry: AuditEntry): void {
    try {
      this.#parts.audit.append(entry);
    } catch (error) {
      this.#parts.log.error({ error: messageOf(error), verb: entry.verb }, "a request could not be recorded");
    }
  }
}

function entryOf({ session, turn, what, resource, rule, credential }: Passing, request: number) {
  const detail = { request, session: session.id, turn, rule, ...(credential !== null && { credential }) };
  return {
    actor: `agent:${session.agentGroup}`,
    verb: `egress.${what}`,
    resource: resource.slice(0, MOST_TEXT),
    detail,
  };
}
