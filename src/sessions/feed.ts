/**
 * Projects a session's unfinished rows from the central database into its `inbound.db`. The file can be rebuilt at any
 * time: opening it makes it hold exactly what is still to be done. A window keeps it small however long the queue is.
 */

import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { InboundBody, InboundRow } from "../../protocol/rows.ts";
import type { InboxRow } from "../store/inbox.ts";

/** Rows and characters of text that the file holds at most; one row always fits. */
const WINDOW_ROWS = 200;
const WINDOW_TEXT = 400_000;

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
  readonly #writer: MailboxWriter;
  readonly #source: FeedSource;
  /** Numbers that are in the file, and the attempt that each was written with. */
  readonly #written = new Map<number, number>();
  #acked = 0;

  /** @param path `inbound.db`; whatever it held before is replaced by what is unfinished now. */
  constructor(path: string, source: FeedSource) {
    this.#source = source;
    this.#writer = MailboxWriter.open(path);
    this.#writer.commit({ remove: { upTo: this.#writer.lastNumber() }, ...this.#changes() });
  }

  /** Writes what came new. @returns whether there is something to ring for. */
  project(): boolean {
    const changes = this.#changes();
    if (changes.put.length === 0) return false;
    this.#commit(changes);
    return true;
  }

  /** Takes away what is finished and tells the runner how far its rows were taken. */
  settle(): boolean {
    const open = new Set(this.#source.unfinished().map((row) => row.number));
    const gone = [...this.#written.keys()].filter((number) => !open.has(number));
    for (const number of gone) this.#written.delete(number);
    const changes = this.#changes();
    if (gone.length === 0 && changes.put.length === 0 && this.#source.outboundCursor() === this.#acked) return false;
    this.#commit({ ...changes, remove: { numbers: gone } });
    return changes.put.length > 0;
  }

  /** A control row for the runner; it is taken away with the next settling. */
  control(action: "stop" | "rest"): void {
    const number = this.#source.nextNumber();
    this.#written.set(number, 0);
    const row: InboundRow = { n: number, body: { kind: "control", action } };
    this.#writer.commit({ put: [row] });
  }

  close(): void {
    this.#writer.close();
  }

  #commit(changes: Parameters<MailboxWriter["commit"]>[0]): void {
    this.#writer.commit(changes);
    this.#acked = this.#source.outboundCursor();
  }

  #changes() {
    const put: InboundRow[] = [];
    let rows = 0;
    let text = 0;
    for (const row of this.#source.unfinished()) {
      rows += 1;
      text += row.text.length;
      if (rows > 1 && (rows > WINDOW_ROWS || text > WINDOW_TEXT)) break;
      if (this.#written.get(row.number) === row.attempt) continue;
      this.#written.set(row.number, row.attempt);
      put.push({ n: row.number, body: bodyOf(row, this.#source) });
    }
    return { put, state: { acked: String(this.#source.outboundCursor()) } };
  }
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
