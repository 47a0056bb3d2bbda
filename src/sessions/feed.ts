/**
 * Projects a session's unfinished rows from the central database into its `inbound.db`. The file can be rebuilt at any
 * time: opening it makes it hold exactly what is still to be done. A window keeps it small however long the queue is.
 */
import type { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { InboundBody, InboundRow } from "../../protocol/rows.ts";
import type { Answer } from "../store/calls.ts";
import { type InboxRow, MOST_WAITING_CONTEXT } from "../store/inbox.ts";
import type { FedFile } from "./files.ts";

/** Rows and characters of text that the file holds at most; one row always fits. */
const WINDOW_ROWS = 200;
const WINDOW_TEXT = 400_000;
/** Of these, rows that only ride along with the first message that wants an answer. */
const MOST_CONTEXT = 100;
/** What is looked at: context that gives way, the window, and one more. */
const MOST_ROWS = MOST_WAITING_CONTEXT + WINDOW_ROWS + 1;

export type Mailbox = Pick<MailboxWriter, "commit" | "lastNumber" | "close">;

export interface FeedSource {
  /** The first so many rows without an end, in order. */
  unfinished(limit: number): InboxRow[];
  outboundCursor(): number;
  /** What a cut-off turn had done before this row was queued again. */
  alreadyDone(row: InboxRow): string[];
  /** What became of the agent's own messages, to be told with this row. */
  receipts(row: InboxRow): string[];
  /** The files that came with a message, as the agent finds them; null while they are being fetched. */
  files(row: InboxRow): FedFile[] | null;
  /** Answers to verbs of the running turn, above a number. */
  answers(after: number): Answer[];
  /** The number of the latest stop: what has a lower one is stopped. */
  stoppedUpTo(): number;
  /** A new number of the host's side. */
  nextNumber(): number;
}

export class Feed {
  readonly #writer: Mailbox;
  readonly #source: FeedSource;
  /** Numbers that are in the file, and the attempt that each was written with. */
  readonly #written = new Map<number, number>();
  /** Those of them that are messages. */
  readonly #messages = new Set<number>();
  #acked = 0;
  /** Control rows that stay for one more settling: the next one may come before the runner has looked. */
  readonly #young = new Set<number>();
  /** The highest answer that was given. */
  #answered = 0;
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
    const open = new Set(
      [...this.#source.unfinished(MOST_ROWS), ...this.#source.answers(0)].map(({ number }) => number),
    );
    if (this.#stops()) open.add(this.#source.stoppedUpTo());
    const gone = [...this.#written.keys()].filter((number) => !open.has(number) && !this.#young.has(number));
    this.#young.clear();
    const rows = this.#missing();
    if (gone.length > 0 || rows.length > 0 || this.#source.outboundCursor() !== this.#acked) {
      this.#commit(rows, { numbers: gone });
      for (const number of gone) {
        this.#written.delete(number);
        this.#messages.delete(number);
      }
    }
    return rows.length > 0;
  }

  /** A control row for the runner. @returns true: there is something new. */
  control(action: "rest"): boolean {
    const n = this.#source.nextNumber();
    this.#commit([{ n, attempt: 0, body: { kind: "control", action } }], { numbers: [] });
    this.#young.add(n);
    return true;
  }

  /** The first message that was stopped before the runner was given it; null for none. */
  stoppedBefore(): number | null {
    const stop = this.#source.stoppedUpTo();
    const held = this.#source.unfinished(MOST_ROWS).find(({ number }) => number < stop && !this.#written.has(number));
    return held?.number ?? null;
  }

  close(): void {
    this.#writer.close();
  }

  #commit(rows: FedRow[], remove: { upTo: number } | { numbers: number[] }): void {
    const acked = this.#source.outboundCursor();
    this.#writer.commit({ put: rows.map(({ n, body }) => ({ n, body })), remove, state: { acked: String(acked) } });
    this.#acked = acked;
    for (const { n, attempt, body } of rows) {
      this.#written.set(n, attempt);
      if (body.kind === "message") this.#messages.add(n);
      if (body.kind === "answer") this.#answered = Math.max(this.#answered, n);
    }
  }

  /** Whether something is to be stopped that has no end yet. */
  #stops(): boolean {
    const [first] = this.#source.unfinished(1);
    return first !== undefined && first.number < this.#source.stoppedUpTo();
  }

  /** What the window should hold and the file does not. A stop stands where it was said, after what it stops. */
  #missing(): FedRow[] {
    const stop = this.#source.stoppedUpTo();
    const missing: FedRow[] = this.#source
      .answers(this.#answered)
      .map(({ number, to, ok, text }) => ({ n: number, attempt: 0, body: { kind: "answer", to, ok, text } }));
    if (this.#stops() && !this.#written.has(stop))
      missing.push({ n: stop, attempt: 0, body: { kind: "control", action: "stop" } });
    // Full: nothing fits before something of it has its end.
    if (this.#messages.size >= WINDOW_ROWS) return missing;
    let rows = 0;
    let text = 0;
    for (const row of contextInPlace(this.#source.unfinished(MOST_ROWS), stop)) {
      rows += 1;
      text += row.text.length;
      if (rows > 1 && (rows > WINDOW_ROWS || text > WINDOW_TEXT)) break;
      const stopped = row.number < stop;
      if ((this.paused && !stopped) || this.#written.get(row.number) === row.attempt) continue;
      const files = this.#source.files(row) ?? (stopped ? [] : null);
      // What came after it waits with it, so that order is kept.
      if (!files) break;
      missing.push({ n: row.number, attempt: row.attempt, body: bodyOf(row, files, this.#source) });
    }
    return missing;
  }
}

/**
 * Context that rides along must not hide what wants an answer: of what stands before the first message that does, only
 * the latest fits beside it, and after the last it waits for the next.
 */
function contextInPlace(rows: InboxRow[], stop: number): InboxRow[] {
  const first = rows.findIndex(({ engages }) => engages);
  let room = WINDOW_TEXT / 2;
  let from = Math.max(first, 0);
  while (from > 0 && from > first - MOST_CONTEXT) {
    room -= rows[from - 1]?.text.length ?? 0;
    if (room < 0) break;
    from -= 1;
  }
  return rows.slice(from, rows.findLastIndex(({ engages, number }) => engages || number < stop) + 1);
}

interface FedRow extends InboundRow {
  attempt: number;
}

function bodyOf(row: InboxRow, files: FedFile[], source: FeedSource): InboundBody {
  return {
    kind: "message",
    at: new Date(row.saidAt).toISOString(),
    from: row.userName,
    author: row.author,
    stranger: row.stranger,
    text: row.text,
    change: row.change,
    about: row.about,
    files,
    receipts: source.receipts(row),
    script: row.script,
    engages: row.engages,
    attempt: row.attempt,
    alreadyDone: row.attempt > 1 ? source.alreadyDone(row) : [],
  };
}
