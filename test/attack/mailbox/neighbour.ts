/** Another session beside a hostile one, whose mailbox has one new row before each read. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReaderPool } from "../../../drivers/readers/reader-pool.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { outboundOf } from "./agreed-rows.ts";
import { SessionBox } from "./session-box.ts";

export class Neighbour {
  readonly #paths: { db: string; journal: string };
  readonly #pool: ReaderPool;
  readonly #writer: MailboxWriter;
  readonly #name: string;
  #last = -1;

  constructor(sessions: string, pool: ReaderPool, name = "neighbour") {
    const db = new SessionBox(sessions, name).outbound.db;
    rmSync(db);
    this.#paths = { db, journal: `${db}-journal` };
    rmSync(this.#paths.journal);
    this.#pool = pool;
    this.#name = name;
    this.#writer = MailboxWriter.open(db);
  }

  /** @returns milliseconds that the read took. @throws AssertionError where the row did not come */
  async read(): Promise<number> {
    this.#last += 2;
    this.#writer.commit({ put: [{ n: this.#last, body: outboundOf(this.#last) }], remove: { upTo: this.#last - 20 } });
    const began = performance.now();
    const result = await this.#pool.read(this.#name, this.#paths, this.#last - 2);
    assert.deepEqual(result.status === "ok" && result.rows, [{ n: this.#last, body: outboundOf(this.#last) }]);
    await sleep(0);
    return performance.now() - began;
  }

  close(): void {
    this.#writer.close();
  }
}
