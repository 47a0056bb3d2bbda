/** Writes a runner's rows as container/runner/journal.ts does, on simulated time: gathered, committed, then rung for. */
import type { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import type { OutboundRow, Progress } from "../../../protocol/rows.ts";
import type { Life } from "../base/life.ts";
import type { Machine } from "./machine.ts";

const COMMIT_MS: [number, number] = [0, 3];
const PROGRESS_GAP = 100;

export interface JournalOptions {
  writer: MailboxWriter;
  /** Of the file that the writer writes. */
  path: string;
  session: string;
  ring(): void;
  /** A commit failed: nothing more can be recorded. */
  failed(): void;
}

export class Journal {
  readonly #machine: Machine;
  readonly #life: Life;
  readonly #options: JournalOptions;
  #rows: OutboundRow[] = [];
  #progress: Progress | null | undefined = null;
  #progressDue = false;
  #flushing: Promise<void> | null = null;
  #taken = 0;

  constructor(machine: Machine, life: Life, options: JournalOptions) {
    this.#machine = machine;
    this.#life = life;
    this.#options = options;
  }

  add(rows: OutboundRow[], clear: boolean): void {
    this.#rows.push(...rows);
    if (clear) this.#progress = null;
  }

  progress(progress: Progress): void {
    this.#progress = progress;
    if (this.#progressDue) return;
    this.#progressDue = true;
    this.#machine.world.time.after(this.#life, PROGRESS_GAP, () => {
      this.#progressDue = false;
      void this.flush();
    });
  }

  /** The host has everything up to this number. */
  taken(n: number): void {
    this.#taken = n;
  }

  /** Resolves when everything that was added before is durable. */
  flush(): Promise<void> {
    const { world } = this.#machine;
    this.#flushing ??= new Promise((resolve) => {
      world.time.after(this.#life, world.rng.int(...COMMIT_MS), () => {
        this.#flushing = null;
        if (this.#commit()) resolve();
      });
    });
    return this.#flushing;
  }

  /** @returns whether a commit with rows was under way. */
  close(): boolean {
    this.#options.writer.close();
    return this.#flushing !== null && this.#rows.length > 0;
  }

  #commit(): boolean {
    const { disk, promises, versions } = this.#machine;
    const { writer, path, session, ring, failed } = this.#options;
    const rows = this.#rows;
    const progress = this.#progress;
    try {
      disk.take();
      writer.commit({
        put: rows,
        remove: { upTo: this.#taken },
        ...(progress !== undefined && { state: { progress: progress && JSON.stringify(progress) } }),
      });
    } catch {
      failed();
      return false;
    }
    versions.set(path, (versions.get(path) ?? 0) + 1);
    promises.outboundCommitted(session, rows);
    this.#rows = [];
    this.#progress = undefined;
    ring();
    return true;
  }
}
