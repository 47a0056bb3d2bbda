/**
 * Reads the host's mailbox: new rows above what was seen, and how far the host has taken ours. Looks when told to,
 * never waits on the host; a file that is being written is tried again shortly.
 */
import { readMailbox } from "../../protocol/mailbox/read.ts";
import { changeCounter } from "../../protocol/mailbox/snapshot.ts";
import { type InboundRow, inboundBody, MAX_ROWS_PER_READ } from "../../protocol/rows.ts";

/** Pause before the next try while the host writes, in milliseconds. */
const BUSY_PAUSE = 1;
/** Tries of one look; after that the next ring or the net sees to it. */
const TRIES = 500;
export interface InboxOptions {
  path: string;
  onRows(rows: InboundRow[]): void;
  onTaken(n: number): void;
  /** Something is wrong with the file that no retry mends. */
  complain(text: string): void;
}

export class Inbox {
  readonly #options: InboxOptions;
  /** The highest message number seen. */
  #seen = 0;
  readonly #overtaking = new Set<number>();
  #counter: number | null = null;
  #looking = false;
  #again = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Reads what is new. Calls that come while it reads are merged into one more look. */
  async look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#again) {
      this.#again = false;
      for (let tries = TRIES; tries > 0 && !this.#read(); tries--) await pause(BUSY_PAUSE);
    }
    this.#looking = false;
  }

  /** Looks only if the file has changed since the last look: the cheap net under the bell. */
  glance(): void {
    if (this.#changed()) void this.look();
  }

  /** @returns false when it must be tried again. */
  #read(): boolean {
    const { path } = this.#options;
    // Rows that overtook messages stay in the file above `#seen` for a while: a page of nothing but those is passed over.
    let after = this.#seen;
    for (let first = true; ; first = false) {
      const options = { after, limit: MAX_ROWS_PER_READ, schema: inboundBody, attempts: 1 };
      const read = readMailbox({ db: path, journal: `${path}-journal` }, options);
      if (read.status === "busy") return false;
      if (read.status !== "ok") {
        if (read.status === "invalid") this.#options.complain(`the inbound mailbox can't be read: ${read.why}`);
        return true;
      }
      // The first page's, so that what was committed between two pages still counts as a change.
      if (first) this.#counter = read.changeCounter;
      const unreadable = read.refused.map(({ n, why }) => this.#standIn(n, why));
      const page = [...read.rows, ...unreadable].sort((a, b) => a.n - b.n);
      const rows = page.filter((row) => this.#isNew(row));
      this.#options.onTaken(Number(read.state.acked ?? 0));
      if (rows.length > 0) this.#options.onRows(rows);
      if (!read.more || page.length === 0) return true;
      after = page.at(-1)?.n ?? after;
    }
  }

  /** Messages come in the order of their numbers; control rows and answers may overtake them, and are kept by number. */
  #isNew({ n, body }: InboundRow): boolean {
    if (body.kind === "message") {
      this.#seen = n;
      return true;
    }
    if (this.#overtaking.has(n)) return false;
    this.#overtaking.add(n);
    for (const old of this.#overtaking) if (old < this.#seen) this.#overtaking.delete(old);
    return true;
  }

  /** A row that this runner can't understand still has to end visibly: the agent tells the person. */
  #standIn(n: number, why: string): InboundRow {
    this.#options.complain(`inbound row ${n} can't be read: ${why}`);
    const text = "A message came in here that couldn't be read. Tell the person, and ask them to send it again.";
    const system = { author: "system", from: "NanoClaw", at: new Date().toISOString(), text } as const;
    const plain = { stranger: false, change: "said", about: null, engages: true, attempt: 1 } as const;
    return {
      n,
      body: { kind: "message", ...system, ...plain, files: [], receipts: [], alreadyDone: [], script: null },
    };
  }

  #changed(): boolean {
    try {
      return changeCounter(this.#options.path) !== this.#counter;
    } catch {
      return false;
    }
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
