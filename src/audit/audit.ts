/**
 * The audit log: append-only, hash-chained, written in the transaction of the effect that it records. A record names the
 * one that led to it, so that what came of a message can be followed to its end.
 */
import { type AuditRecord, type ChainedRecord, GENESIS, hashOf, VERSION } from "../../packages/audit-chain/record.ts";
import { verifyChain } from "../../packages/audit-chain/verify.ts";
import { Repeats } from "../../packages/merge-repeats/index.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Database } from "../lib/sqlite.ts";

/** What the caller says; the log adds number, time and hash. */
export interface AuditEntry {
  actor: string;
  verb: string;
  resource: string;
  decision: AuditRecord["decision"];
  /** Neither secrets nor message texts. */
  detail?: Record<string, unknown>;
  /** The number of the record that led to this one. */
  cause?: number | null;
  session?: string | null;
  turn?: number | null;
}

const COLUMNS = "seq, at, actor, verb, resource, decision, detail, cause, session, turn, version, previous, hash";
/** Records of one page. */
const PAGE = 1000;
/** Refusals of a kind within so many milliseconds are at most two records. */
const WINDOW = 60_000;

export type Verdict = { intact: true; records: number; head: string } | { intact: false; seq: number; why: string };

export class Audit {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #refused = new Repeats<AuditEntry>({ kinds: 10, sources: 20 });
  #timer: Timer | null = null;
  #heard: () => void = () => {};
  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** One listener, called after each commit with a new record. */
  onCommit(heard: () => void): void {
    this.#heard = heard;
  }

  /** Appends a record; inside a transaction it is kept or lost with that. @returns its number */
  append({ detail = {}, cause = null, session = null, turn = null, ...entry }: AuditEntry): number {
    return this.#db.transaction(() => {
      const last = this.#db.get<{ seq: number; hash: Uint8Array }>(
        "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
      );
      const previous = last?.hash ?? GENESIS;
      const record: AuditRecord = {
        seq: (last?.seq ?? 0) + 1,
        at: this.#clock.now(),
        // What SQLite would keep otherwise than it was hashed: names come from platforms and containers.
        actor: storable(entry.actor),
        verb: storable(entry.verb),
        resource: storable(entry.resource),
        decision: entry.decision,
        detail: JSON.stringify(detail),
        ...{ cause, session, turn, version: VERSION },
      };
      this.#db.run(
        `INSERT INTO audit (${COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
        ...[record.seq, record.at, record.actor, record.verb, record.resource, record.decision, record.detail],
        ...[cause, session, turn, VERSION, previous, hashOf(record, previous)],
      );
      this.#db.afterCommit(this.#heard);
      return record.seq;
    });
  }

  /** Records a refusal; those that repeat are merged, so that nobody can fill the disk with what they may not do. */
  refuse({ detail, ...rest }: Omit<AuditEntry, "decision"> & { detail: { why: string } }): void {
    const entry: AuditEntry = { ...rest, detail, decision: "deny" };
    const kind = JSON.stringify([rest.verb, rest.resource, detail.why]);
    const pass = this.#refused.add(rest.session ?? rest.actor, kind, entry);
    if (!pass) return;
    this.append(entry);
    // What is rolled back was never recorded, so the next of its kind is.
    this.#db.afterCommit(() => {
      pass();
      this.#timer ??= this.#clock.after(WINDOW, () => this.#flushOrWait());
    });
  }

  /** Records the refusals that were counted. @throws Retryable where that can't be written: then they are held on */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#db.transaction(() => {
      for (const { event, times } of this.#refused.counted())
        this.append({ ...event, detail: { ...event.detail, times } });
      this.#db.afterCommit(() => this.#refused.clear());
    });
  }

  #flushOrWait(): void {
    try {
      this.flush();
    } catch {
      this.#timer = this.#clock.after(WINDOW, () => this.#flushOrWait());
    }
  }

  /** The latest `limit` records above `after`, oldest first. */
  list(limit: number, after = 0): AuditRecord[] {
    return this.#db
      .all<ChainedRecord>(`SELECT ${COLUMNS} FROM audit WHERE seq>? ORDER BY seq DESC LIMIT ?`, after, limit)
      .map(({ previous, hash, ...record }) => record)
      .reverse();
  }

  /** Every record above `after`, in order, a page at a time: whoever walks through a long log lets others run between. */
  *pages(after = 0): Generator<ChainedRecord[]> {
    for (let from = after; ; ) {
      const sql = `SELECT ${COLUMNS} FROM audit WHERE seq>? ORDER BY seq LIMIT ?`;
      const page = this.#db.all<ChainedRecord>(sql, from, PAGE);
      const last = page.at(-1);
      if (!last) return;
      from = last.seq;
      yield page;
    }
  }

  /** Checks the whole chain by itself, without heads. */
  verify(): Verdict {
    const { records, head, findings } = verifyChain(flat(this.pages()));
    const [first] = findings;
    return first ? { intact: false, ...first } : { intact: true, records, head };
  }
}

function* flat<Row>(pages: Iterable<Row[]>): Generator<Row> {
  for (const page of pages) yield* page;
}

const storable = (text: string) => text.toWellFormed().replaceAll("\0", "\ufffd");
