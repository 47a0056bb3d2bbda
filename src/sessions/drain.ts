/**
 * Takes what a runner has committed into the central database: one look at a time, and a ring during a look makes one
 * more. The mailbox is read by a process that may be killed (see readers/), never by this one.
 */
import { type Progress, progress as progressSchema } from "../../protocol/rows.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Session } from "../store/sessions.ts";
import { type Applied, type ApplyParts, applyRows, ProtocolViolation } from "./apply.ts";
import type { SessionFolder } from "./folder.ts";
import type { MailboxReaders } from "./mailbox-readers.ts";

/** How often in a row a reader may be killed over one mailbox before its runner counts as hostile. */
const MOST_STRIKES = 3;
/** Pause before the next look at a file that its writer holds open, and how many such looks one ring makes. */
const BUSY_PAUSE = 3;
const BUSY_LOOKS = 40;

/**
 * `hot`: the writer was cut off in a commit, and only a runner can roll that back. `failed`: the rows could not be
 * kept, for want of disk space for example; they are still there for the next look.
 */
export type DrainEnd = "drained" | "hot" | "violated" | "failed";

export interface DrainParts extends ApplyParts {
  clock: Clock;
  readers: MailboxReaders;
}

export interface DrainHooks {
  onApplied(events: Applied[]): void;
  onProgress(progress: Progress): void;
  /** The runner broke the protocol or the file is damaged: its container must end. */
  onViolation(why: string): void;
}

export class Drain {
  readonly #parts: DrainParts;
  readonly #session: Session;
  readonly #folder: SessionFolder;
  readonly #hooks: DrainHooks;
  readonly #log: Log;
  #wanted = false;
  #looking: Promise<DrainEnd> | null = null;
  #strikes = 0;
  #shown = "";

  constructor(parts: DrainParts, session: Session, folder: SessionFolder, hooks: DrainHooks, log: Log) {
    this.#log = log;
    this.#parts = parts;
    this.#session = session;
    this.#folder = folder;
    this.#hooks = hooks;
  }

  /** Looks now, or once more when a look is under way. Resolves when nothing is left to take. Never rejects. */
  look(): Promise<DrainEnd> {
    this.#wanted = true;
    this.#looking ??= this.#takeAll();
    return this.#looking;
  }

  async #takeAll(): Promise<DrainEnd> {
    let end: DrainEnd = "drained";
    let busy = 0;
    while (this.#wanted) {
      this.#wanted = false;
      end = await this.#takeOnce().catch((error: unknown) => {
        this.#log.error({ error: messageOf(error) }, "what the runner said could not be kept; it is taken again later");
        return "failed" as const;
      });
      if (end === "hot" && busy < BUSY_LOOKS) {
        busy += 1;
        this.#wanted = true;
        await sleep(this.#parts.clock, BUSY_PAUSE);
      }
      if (end === "violated" || end === "failed") break;
    }
    this.#looking = null;
    return end;
  }

  async #takeOnce(): Promise<DrainEnd> {
    const cursor = this.#parts.store.sessions.session(this.#session.id)?.outboundCursor ?? 0;
    const paths = { db: this.#folder.outboundDb, journal: this.#folder.outboundJournal };
    const result = await this.#parts.readers.read(this.#session.id, paths, cursor);
    if (result.status !== "killed") this.#strikes = 0;
    switch (result.status) {
      case "absent":
        return "drained";
      case "busy":
        return "hot";
      case "killed":
        this.#strikes += 1;
        if (this.#strikes >= MOST_STRIKES) return this.#violated("its mailbox could not be read in time");
        this.#wanted = true;
        return "drained";
      case "invalid":
        return this.#violated(result.why);
      case "ok":
        break;
    }
    const [refused] = result.refused;
    if (refused) return this.#violated(`row ${refused.n}: ${refused.why}`);
    if (result.rows.length > 0) {
      try {
        const events = applyRows(this.#parts, this.#session, result.rows, this.#parts.clock.now());
        this.#hooks.onApplied(events);
      } catch (error) {
        if (error instanceof ProtocolViolation) return this.#violated(error.message);
        throw error;
      }
    }
    // What is committed after this read rings again.
    if (result.more) this.#wanted = true;
    this.#showProgress(result.state.progress);
    return "drained";
  }

  #showProgress(text: string | undefined): void {
    if (!text || text === this.#shown) return;
    this.#shown = text;
    try {
      this.#hooks.onProgress(progressSchema.parse(JSON.parse(text)));
    } catch (error) {
      this.#violated(`its progress row: ${messageOf(error)}`);
    }
  }

  #violated(why: string): DrainEnd {
    const { id: session, agentGroup } = this.#session;
    const what = { verb: "mailbox.write", resource: `session:${session}`, detail: { why: why.slice(0, 500) } };
    try {
      this.#parts.audit.refuse({ actor: `agent:${agentGroup}`, ...what, session });
    } finally {
      // Its end needs no room on the disk.
      this.#hooks.onViolation(why);
    }
    return "violated";
  }
}
