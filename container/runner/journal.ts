/**
 * Writes the runner's rows. What is added goes into the next commit; after a commit the bell rings, and after several in
 * a row the file is left alone for a moment, so that a reader finds it quiet. Progress is replaced at most ten times a
 * second; the last one is always written. Rows that the host has taken are removed with a commit that is made anyway.
 */
import type { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { OutboundRow, Progress } from "../../protocol/rows.ts";

/** Quiet time after each ring, in milliseconds, once more than BURST commits have followed each other. */
const GAP = 1;
/** An answer that comes at once is not held up: a reader tries a busy file again, it must only not stay busy. */
const BURST = 4;
/** Shortest time between two writes of progress, in milliseconds. */
const PROGRESS_GAP = 100;
/** Bytes of taken rows that may stay in the file until the next commit. */
const PRUNE_BYTES = 256 * 1024;
/** So that no effect begins whose intent could not be recorded. */
const NEVER = new Promise<void>(() => {});

export interface JournalOptions {
  writer: MailboxWriter;
  /** What the host had taken when this runner started. */
  taken: number;
  ring(): void;
  /** A commit failed: nothing more can be recorded. */
  failed(error: unknown): void;
}

export class Journal {
  readonly #options: JournalOptions;
  #rows: OutboundRow[] = [];
  /** Undefined when what the file says is right. A progress that an earlier runner left goes with the first commit. */
  #progress: Progress | null | undefined = null;
  #progressTimer: NodeJS.Timeout | null = null;
  #progressAt = 0;
  /** When the file has had its quiet time for every commit so far. */
  #quietAt = 0;
  #flushing: Promise<void> | null = null;
  #closed = false;
  #taken: number;
  #pruned = 0;
  /** Rows in the file that this runner wrote, with their size. */
  #kept: { n: number; bytes: number }[] = [];

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#taken = options.taken;
  }

  /** Adds rows to the next commit. @param clear whether the progress goes away with it. */
  add(rows: OutboundRow[], clear: boolean): void {
    this.#rows.push(...rows);
    if (clear) this.#progress = null;
  }

  /** Replaces the progress, soon. */
  progress(progress: Progress): void {
    this.#progress = progress;
    this.#progressTimer ??= setTimeout(
      () => void this.flush(),
      Math.max(0, this.#progressAt + PROGRESS_GAP - performance.now()),
    );
  }

  /** The host has everything up to this number. */
  taken(n: number): void {
    this.#taken = Math.max(this.#taken, n);
    const bytes = this.#kept.reduce((sum, row) => (row.n <= this.#taken ? sum + row.bytes : sum), 0);
    if (bytes > PRUNE_BYTES) void this.flush();
  }

  /** Resolves when everything that was added before is durable; where it can't be any more, never. */
  flush(): Promise<void> {
    this.#flushing ??= this.#whenQuiet().then(() => {
      if (this.#closed) return NEVER;
      this.#flushing = null;
      try {
        this.#commit();
      } catch (error) {
        this.close();
        this.#options.failed(error);
        return NEVER;
      }
    });
    return this.#flushing;
  }

  /** What was not flushed is not written. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#progressTimer) clearTimeout(this.#progressTimer);
    this.#options.writer.close();
  }

  async #whenQuiet(): Promise<void> {
    const wait = this.#quietAt - BURST * GAP - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }

  #commit(): void {
    const put = this.#rows;
    const progress = this.#progress;
    const prune = this.#taken > this.#pruned;
    if (put.length === 0 && !prune && !progress) return;
    this.#options.writer.commit({
      put,
      ...(prune && { remove: { upTo: this.#taken } }),
      ...(progress !== undefined && { state: { progress: progress && JSON.stringify(progress) } }),
    });
    this.#rows = [];
    this.#pruned = this.#taken;
    this.#kept = this.#kept.filter(({ n }) => n > this.#taken);
    for (const { n, body } of put) this.#kept.push({ n, bytes: JSON.stringify(body).length });
    if (progress !== undefined) this.#progressWritten();
    this.#quietAt = Math.max(this.#quietAt, performance.now()) + GAP;
    this.#options.ring();
  }

  #progressWritten(): void {
    this.#progress = undefined;
    this.#progressAt = performance.now();
    if (this.#progressTimer) clearTimeout(this.#progressTimer);
    this.#progressTimer = null;
  }
}
