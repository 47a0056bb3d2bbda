/**
 * Reads mailboxes in processes that may be killed. One reader is kept warm; a second comes when one is held up or was
 * killed, and goes again. A read that takes too long costs its own session a strike and the others nothing: at most
 * one read of a session is under way, and sessions with a strike never hold the last reader.
 */
import { chmodSync, mkdirSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import type { MailboxPaths } from "../../protocol/mailbox/snapshot.ts";
import { type Clock, systemClock, type Timer } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import { type MailboxReaders, parseReply, type ReadResult } from "../../src/sessions/mailbox-readers.ts";
import type { ReadRequest } from "./frame.ts";
import { programOf } from "./program.ts";
import { ReaderProcess } from "./reader-process.ts";

export interface ReaderPoolOptions {
  sessionsDir: string;
  log: Log;
  clock?: Clock;
  /** Most readers at a time; 2. */
  size?: number;
  /** Milliseconds that one read may take; 1,000. A read of a usual mailbox takes less than one. */
  deadlineMs?: number;
  /**
   * Whom readers become, where the host is root: a user that may read the mailbox files and pass the directories from
   * `sessionsDir` (not those above it) down to them, and nothing else. Without it they stay root.
   */
  user?: { uid: number; gid: number } | null;
}

/** A reader that is busy for longer than this is one too few. */
const GROW_AFTER_MS = 5;
const SHRINK_AFTER_MS = 30_000;
/** A reader that has not come up by then never will. */
const START_MS = 10_000;

interface Job {
  session: string;
  request: ReadRequest;
  resolve(result: ReadResult): void;
}

interface Reader {
  process: ReaderProcess;
  state: "starting" | "idle" | "busy";
  job: Job | null;
  /** The end of its patience: start, deadline or idleness, by its state. */
  timer: Timer | null;
}

export class ReaderPool implements MailboxReaders {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #size: number;
  readonly #deadlineMs: number;
  readonly #process: { sessionsDir: string; program: string; user: { uid: number; gid: number } | null };
  readonly #readers = new Set<Reader>();
  readonly #suspects = new Set<string>();
  #waiting: Job[] = [];
  #growth: Timer | null = null;
  #closed = false;

  constructor(options: ReaderPoolOptions) {
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#size = options.size ?? 2;
    this.#deadlineMs = options.deadlineMs ?? 1_000;
    mkdirSync(options.sessionsDir, { recursive: true, mode: 0o755 });
    if (options.user) chmodSync(options.sessionsDir, 0o711);
    this.#process = {
      sessionsDir: realpathSync(options.sessionsDir),
      program: programOf(join(import.meta.dirname, "mailbox-reader.ts")),
      user: options.user ?? null,
    };
    this.#startReader();
  }

  /**
   * Reads the rows after `after` that the session's runner has committed. Resolves in the order of asking within a
   * session, and never rejects: "busy" also says that no reader could be started.
   * @param paths below the sessions' directory
   */
  read(session: string, paths: MailboxPaths, after: number): Promise<ReadResult> {
    const inside = (path: string) => relative(this.#process.sessionsDir, path);
    const request = { db: inside(paths.db), journal: inside(paths.journal), after };
    return new Promise((resolve) => {
      this.#waiting.push({ session, request, resolve });
      this.#assign();
    });
  }

  /** Process ids of the readers, for measuring. */
  get pids(): number[] {
    return [...this.#readers].flatMap(({ process }) => process.pid ?? []);
  }

  /** Readers that are up and have nothing to do. */
  get idle(): number {
    return [...this.#readers].filter(({ state }) => state === "idle").length;
  }

  /** Ends the readers; reads that wait or are under way resolve to "busy". */
  async close(): Promise<void> {
    this.#closed = true;
    this.#growth?.cancel();
    const readers = [...this.#readers];
    for (const reader of readers) {
      reader.timer?.cancel();
      if (reader.job) this.#waiting.push(reader.job);
      reader.job = null;
      reader.process.kill();
    }
    this.#giveUp("the host is stopping");
    await Promise.all(readers.map(({ process }) => process.gone));
  }

  #assign(): void {
    if (this.#closed) {
      this.#giveUp("the host is stopping");
      return;
    }
    for (const reader of this.#readers) {
      if (reader.state === "idle") this.#work(reader);
    }
    if (!this.#waiting.some((job) => this.#mayRun(job))) return;
    if (this.#readers.size === 0) this.#startReader();
    else this.#growth ??= this.#clock.after(GROW_AFTER_MS, () => this.#grow());
  }

  #grow(): void {
    this.#growth = null;
    const starting = [...this.#readers].some(({ state }) => state === "starting");
    if (!starting && this.#waiting.some((job) => this.#mayRun(job))) this.#startReader();
  }

  #mayRun(job: Job): boolean {
    const running = [...this.#readers].flatMap((reader) => reader.job?.session ?? []);
    if (running.includes(job.session)) return false;
    const suspects = running.filter((session) => this.#suspects.has(session)).length;
    return !this.#suspects.has(job.session) || suspects < Math.max(1, this.#size - 1);
  }

  #work(reader: Reader): void {
    const job = this.#waiting.find((one) => this.#mayRun(one));
    if (!job) return;
    this.#waiting = this.#waiting.filter((one) => one !== job);
    this.#become(reader, "busy", this.#deadlineMs, () => reader.process.kill());
    reader.job = job;
    reader.process.ask(job.request);
  }

  #startReader(): void {
    if (this.#closed || this.#readers.size >= this.#size) return;
    const reader: Reader = {
      state: "starting",
      job: null,
      timer: null,
      process: new ReaderProcess(this.#process, {
        ready: () => {
          this.#rest(reader);
          this.#assign();
        },
        answered: (text) => this.#answered(reader, text),
        ended: ({ retired, why }) => this.#ended(reader, retired, why),
      }),
    };
    this.#readers.add(reader);
    this.#become(reader, "starting", START_MS, () => reader.process.kill());
  }

  #answered(reader: Reader, text: Buffer): void {
    const { job } = reader;
    const result = job && this.#parse(job, text);
    if (!result) {
      reader.process.kill();
      return;
    }
    if (result.status === "ok") this.#suspects.delete(job.session);
    this.#rest(reader);
    job.resolve(result);
    this.#assign();
  }

  #parse(job: Job, text: Buffer): ReadResult | null {
    try {
      return parseReply(text);
    } catch (error) {
      this.#log.error({ session: job.session, error: messageOf(error) }, "a mailbox reader gave no valid answer");
      return null;
    }
  }

  #ended(reader: Reader, retired: boolean, why: string): void {
    if (!this.#readers.delete(reader)) return;
    reader.timer?.cancel();
    const { job, state } = reader;
    if (this.#closed) return;
    if (state === "starting") {
      this.#log.error({ why }, "a mailbox reader could not be started");
      if (this.#readers.size === 0) this.#giveUp(`no mailbox reader could be started: ${why}`);
      return;
    }
    if (job && retired) this.#waiting.unshift(job);
    else if (job) {
      this.#log.warn({ session: job.session, why }, "a mailbox reader was killed over this session's mailbox");
      this.#suspects.add(job.session);
      job.resolve({ status: "killed", why: `reading it took longer than ${this.#deadlineMs} ms, or crashed: ${why}` });
    }
    // One in place of this, and one in reserve while a session is suspected.
    this.#startReader();
    if (job && !retired) this.#startReader();
    this.#assign();
  }

  #rest(reader: Reader): void {
    reader.job = null;
    this.#become(reader, "idle", SHRINK_AFTER_MS, () => {
      if (this.#readers.size === 1) return;
      this.#readers.delete(reader);
      reader.process.kill();
    });
  }

  #become(reader: Reader, state: Reader["state"], patienceMs: number, outOfPatience: () => void): void {
    reader.timer?.cancel();
    reader.state = state;
    reader.timer = this.#clock.after(patienceMs, outOfPatience);
  }

  #giveUp(why: string): void {
    const given = this.#waiting;
    this.#waiting = [];
    for (const job of given) job.resolve({ status: "busy", why });
  }
}
