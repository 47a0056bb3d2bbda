/**
 * Projects a session's unfinished rows from the central database into its `inbound.db`. The file can be rebuilt at any
 * time: opening it makes it hold exactly what is still to be done. A window keeps it small however long the queue is.
 */
import type { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { InboundBody, InboundRow } from "../../protocol/rows.ts";
import type { InboxRow } from "../store/inbox.ts";

/** Rows and characters of text that the file holds at most; one row always fits. */
const WINDOW_ROWS = 200;
const WINDOW_TEXT = 400_000;

export type Mailbox = Pick<MailboxWriter, "commit" | "lastNumber" | "close">;

export interface FeedSource {
  /** Rows without an end, in order. */
  unfinished(): InboxRow[];
  outboundCursor(): number;
  /** What a cut-off turn had done before this row was queued again. */
  alreadyDone(row: InboxRow): string[];
  /** A new number of the host's side. */
  nextNumber(): number;
}

export class Feed {
  readonly #writer: Mailbox;
  readonly #source: FeedSource;
  /** Numbers that are in the file, and the attempt that each was written with. */
  readonly #written = new Map<number, number>();
  #acked = 0;
  /** While set, nothing new goes in: the runner comes to an end of what it has. */
  paused = false;

  /**
   * @param path `inbound.db`; whatever it held before is replaced by what is unfinished now
   * @throws what the disk says, here and in every method; nothing of that change is in the file then
   */
  constructor(writer: Mailbox, source: FeedSource) {
    this.#source = source;
    this.#writer = writer;
    this.#commit(this.#missing(), { upTo: this.#writer.lastNumber() });
  }

  /** Writes what came new. @returns whether there is something to ring for. */
  project(): boolean {
    const rows = this.#missing();
    if (rows.length > 0) this.#commit(rows, { numbers: [] });
    return rows.length > 0;
  }

  /** Takes away what is finished and tells the runner how far its rows were taken. @returns as `project`. */
  settle(): boolean {
    const open = new Set(this.#source.unfinished().map((row) => row.number));
    const gone = [...this.#written.keys()].filter((number) => !open.has(number));
    const rows = this.#missing();
    if (gone.length > 0 || rows.length > 0 || this.#source.outboundCursor() !== this.#acked) {
      this.#commit(rows, { numbers: gone });
      for (const number of gone) this.#written.delete(number);
    }
    return rows.length > 0;
  }

  /** A control row for the runner; it is taken away with the next settling. @returns true: there is something new. */
  control(action: "stop" | "rest"): boolean {
    this.#commit([{ n: this.#source.nextNumber(), attempt: 0, body: { kind: "control", action } }], { numbers: [] });
    return true;
  }

  close(): void {
    this.#writer.close();
  }

  #commit(rows: FedRow[], remove: { upTo: number } | { numbers: number[] }): void {
    const acked = this.#source.outboundCursor();
    this.#writer.commit({ put: rows.map(({ n, body }) => ({ n, body })), remove, state: { acked: String(acked) } });
    this.#acked = acked;
    for (const { n, attempt } of rows) this.#written.set(n, attempt);
  }

  /** What the window should hold and the file does not. */
  #missing(): FedRow[] {
    const missing: FedRow[] = [];
    let rows = 0;
    let text = 0;
    for (const row of this.#source.unfinished()) {
      rows += 1;
      text += row.text.length;
      if (rows > 1 && (rows > WINDOW_ROWS || text > WINDOW_TEXT)) break;
      if (this.paused || this.#written.get(row.number) === row.attempt) continue;
      missing.push({ n: row.number, attempt: row.attempt, body: bodyOf(row, this.#source) });
    }
    return missing;
  }
}

interface FedRow extends InboundRow {
  attempt: number;
}

function bodyOf(row: InboxRow, source: FeedSource): InboundBody {
  return {
    kind: "message",
    at: new Date(row.saidAt).toISOString(),
    from: row.userName,
    author: row.author,
    text: row.text,
    engages: row.engages,
    attempt: row.attempt,
    alreadyDone: row.attempt > 1 ? source.alreadyDone(row) : [],
  };
}
