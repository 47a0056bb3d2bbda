/** Reads outbound mailboxes for the host: the real reader of real files, without a process of its own; it can be slow or crash. */
import { type MailboxRead, readMailbox } from "../../../protocol/mailbox/read.ts";
import { MAX_ROWS_PER_READ, type OutboundBody, outboundBody } from "../../../protocol/rows.ts";
import type { MailboxReaders } from "../../../src/sessions/mailbox-readers.ts";
import type { Life } from "../base/life.ts";
import type { Machine } from "./machine.ts";

const READ_MS: [number, number] = [0, 2];
const SLOW_MS: [number, number] = [20, 900];

const MOST_IN_A_ROW = 2;

export class Readers {
  /** How many of the next reads end with a killed reader. */
  crashes = 0;
  slow = false;
  /** Reads so far. */
  reads = 0;
  readonly #machine: Machine;
  readonly #killed = new Map<string, number>();
  /** What a file that has not changed since was read as, by path. */
  readonly #known = new Map<string, { version: number; after: number; read: MailboxRead<OutboundBody> }>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Readers as one process of the host has them. */
  of(life: Life): MailboxReaders {
    return {
      read: (_session, paths, after) =>
        this.#machine.world.call(life, this.slow ? SLOW_MS : READ_MS, () => {
          this.reads += 1;
          const inARow = this.#killed.get(paths.db) ?? 0;
          // More in a row, and the host takes the runner for hostile.
          if (this.crashes > 0 && inARow < MOST_IN_A_ROW) {
            this.crashes -= 1;
            this.#machine.world.tally.count("a mailbox reader was killed");
            this.#killed.set(paths.db, inARow + 1);
            return { status: "killed", why: "it took too long" };
          }
          this.#killed.delete(paths.db);
          if (this.#machine.halfCommits.has(paths.db)) return { status: "busy", why: "its journal is hot" };
          return this.#read(paths, after);
        }),
    };
  }

  #read(paths: { db: string; journal: string }, after: number): MailboxRead<OutboundBody> {
    const version = this.#machine.versions.get(paths.db) ?? 0;
    const known = this.#known.get(paths.db);
    if (known?.version === version && known.after === after) return known.read;
    const options = { after, limit: MAX_ROWS_PER_READ, schema: outboundBody, attempts: 1 };
    const read = readMailbox(paths, options);
    this.#known.set(paths.db, { version, after, read });
    return read;
  }
}
