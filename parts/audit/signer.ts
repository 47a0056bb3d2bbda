/**
 * Signs the log's head: at the start and the stop, and while something is recorded a minute after the first record that
 * no head covers, or after a thousand of them. One timer, set only then; what can be cut off unseen is that much.
 */
import { type Head, signHead } from "../../packages/audit-chain/head.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import { compare, merged } from "./compare.ts";
import { type HeadFile, type HeadTable, KEPT } from "./heads.ts";
import type { Keys } from "./keys.ts";

/** Longest time, milliseconds, and most records without a head. */
export const EVERY = 60_000;
export const MOST_UNSIGNED = 1000;

export interface SignerParts {
  db: Database;
  clock: Clock;
  log: Log;
  keys: Keys;
  table: HeadTable;
  file: HeadFile;
}

export class Signer {
  readonly #parts: SignerParts;
  /** Every head that is kept, in order. */
  #kept: Head[] = [];
  /** The file lacks some of them. */
  #behind = false;
  /** The log is not what its heads say: no head vouches for it until a person has decided. */
  #disputed = false;
  #unsigned = 0;
  #timer: Timer | null = null;
  #running = false;

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /**
   * Looks whether the database is what its heads say, and signs it; or else signs nothing more.
   * @returns what is wrong, in words for the owner
   */
  start(): string[] {
    const { table, file, keys } = this.#parts;
    const troubles = [...keys.troubles];
    const inDatabase = table.all();
    let inFile: Head[] = [];
    const known = file.exists;
    try {
      inFile = file.read();
    } catch (error) {
      file.setAside();
      troubles.push(`${messageOf(error)}. I moved it to ${file.path}.damaged and write it anew from the database`);
    }
    if (!known && inDatabase.length > 0)
      troubles.push(
        `the file of heads ${file.path} is gone: I write it anew from the database. Whether the database was put back to an older state can't be told this time`,
      );
    if (keys.fresh && merged(inDatabase, inFile).length > 0)
      troubles.push(
        `the key that signed the audit log was gone, so I made a new one. Heads of before can be checked with the old public key only`,
      );
    const last = this.#last()?.seq ?? 0;
    const wrong = compare({ last, hashOf: (seq) => this.#hashOf(seq), inDatabase, inFile });
    this.#disputed = wrong.length > 0;
    if (this.#disputed)
      troubles.push(
        `${wrong.join("; ")}. Nothing is signed until that is settled: if you put a backup back yourself, stop the host, move ${file.path} away and start it again`,
      );
    this.#kept = merged(inDatabase, inFile);
    this.#behind = inFile.length < this.#kept.length;
    this.#running = true;
    this.sign();
    return troubles;
  }

  /** Every head that is kept, in order. */
  get kept(): readonly Head[] {
    return this.#kept;
  }

  /** A record was committed. */
  onCommit(): void {
    this.#unsigned += 1;
    if (!this.#running) return;
    if (this.#unsigned === MOST_UNSIGNED) this.#signIn(0);
    else if (!this.#timer) this.#signIn(EVERY);
  }

  stop(): void {
    this.#running = false;
    this.sign();
  }

  /** Signs what no head covers yet. Where it can't, that is logged and tried again. */
  sign(): void {
    const { clock, keys, log, table, file } = this.#parts;
    this.#timer?.cancel();
    this.#timer = null;
    const last = this.#last();
    if (!keys.privateKey || !last || this.#disputed) return;
    try {
      if (this.#kept.at(-1)?.seq !== last.seq) {
        const counter = (this.#kept.at(-1)?.counter ?? 0) + 1;
        const head = signHead({ counter, ...last, at: clock.now() }, keys.privateKey);
        table.add(head);
        this.#kept = [...this.#kept, head].slice(-KEPT);
        this.#behind = true;
      }
      if (this.#behind || !file.exists) file.write(this.#kept);
      this.#behind = false;
      this.#unsigned = 0;
    } catch (error) {
      log.error({ error: messageOf(error) }, "the head of the audit log could not be signed; it is tried again");
      if (this.#running) this.#signIn(EVERY);
    }
  }

  #signIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => this.sign());
  }

  #last(): { seq: number; hash: string } | undefined {
    return this.#parts.db.get("SELECT seq, lower(hex(hash)) AS hash FROM audit ORDER BY seq DESC LIMIT 1");
  }

  #hashOf(seq: number): string | null {
    const sql = "SELECT lower(hex(hash)) AS hash FROM audit WHERE seq=?";
    return this.#parts.db.get<{ hash: string }>(sql, seq)?.hash ?? null;
  }
}
