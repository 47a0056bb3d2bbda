/**
 * The disk, and what the host keeps on it: real SQLite, with a point before and after each commit at which the process
 * can be cut off or the disk can be full. A process that comes after one that was cut off finds the last commit.
 */
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { Database, type Value } from "../../../src/lib/sqlite.ts";
import type { Mailbox } from "../../../src/sessions/feed.ts";
import { Dead, type Life } from "../base/life.ts";
import type { Met, Tally } from "../base/tally.ts";

/** SQLITE_FULL. */
const FULL = 13;
const WRITES = /^\s*(INSERT|UPDATE|DELETE)/i;

export class Disk {
  /** Commits that still fit; null while there is room. */
  #room: number | null = null;
  readonly tally: Tally;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  /** No room is left after so many more commits. */
  fillAfter(commits: number): void {
    this.#room = commits;
  }

  free(): void {
    this.#room = null;
  }

  get isFull(): boolean {
    return this.#room === 0;
  }

  /** @throws what SQLite throws on a full disk. */
  take(): void {
    if (this.#room === null) return;
    if (this.#room === 0) {
      this.tally.count("a write met a full disk");
      throw Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: FULL });
    }
    this.#room -= 1;
  }
}

export class SimDatabase extends Database {
  readonly #life: Life;
  readonly #disk: Disk;
  readonly #committed: () => void;
  #open = false;

  /** @param committed called after each commit, before anybody in the host knows of it. */
  constructor(path: string, life: Life, disk: Disk, committed: () => void) {
    super(path);
    this.#life = life;
    this.#disk = disk;
    this.#committed = committed;
  }

  override exec(sql: string): void {
    this.#mustLive();
    super.exec(sql);
  }

  override all<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#statement(sql, () => super.all<Row>(sql, ...values));
  }

  override get<Row>(sql: string, ...values: Value[]): Row | undefined {
    return this.#statement(sql, () => super.get<Row>(sql, ...values));
  }

  override run(sql: string, ...values: Value[]): number {
    return this.#statement(sql, () => super.run(sql, ...values));
  }

  override transaction<Result>(work: () => Result): Result {
    this.#mustLive();
    if (this.#open) return super.transaction(work);
    this.#open = true;
    try {
      return super.transaction(() => {
        this.afterCommit(() => {
          this.#open = false;
          this.#committed();
          this.#point("the host was cut off after a commit, which is kept");
        });
        const result = work();
        this.#beforeCommit();
        return result;
      });
    } finally {
      this.#open = false;
    }
  }

  /** What is stored, for who looks at the machine from outside: also when the process is dead. */
  look<Row>(sql: string, ...values: Value[]): Row[] {
    return super.all<Row>(sql, ...values);
  }

  #statement<Result>(sql: string, execute: () => Result): Result {
    this.#mustLive();
    // A write by itself is a transaction of its own.
    return this.#open || !WRITES.test(sql) ? execute() : this.transaction(execute);
  }

  #beforeCommit(): void {
    this.#point("the host was cut off before a commit, which is undone");
    this.#disk.take();
  }

  #point(cutOff: Met): void {
    const lived = this.#life.alive;
    try {
      this.#life.point();
    } finally {
      if (lived && !this.#life.alive) this.#disk.tally.count(cutOff);
    }
  }

  #mustLive(): void {
    if (!this.#life.alive) throw new Dead();
  }
}

/** The host's mailbox files, real ones. */
export class SimMailboxes {
  readonly #disk: Disk;
  readonly #open = new Set<MailboxWriter>();
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  open(life: Life, path: string): Mailbox {
    life.point();
    this.#disk.take();
    const writer = MailboxWriter.open(path);
    this.#open.add(writer);
    return {
      lastNumber: () => writer.lastNumber(),
      commit: (change) => {
        life.point();
        this.#disk.take();
        writer.commit(change);
        life.point();
      },
      close: () => {
        life.point();
        this.#open.delete(writer);
        writer.close();
      },
    };
  }

  /** The kernel closes what a dead process had open. */
  closeAll(): void {
    for (const writer of this.#open) writer.close();
    this.#open.clear();
  }
}
