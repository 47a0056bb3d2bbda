/**
 * The mailbox between a host and an honest container, in both directions at full rate: no read torn, no row missed, and
 * a runner that is killed at any moment leaves a file that the next one takes up. NANOCLAW_FULL=1 makes 100,000 reads, half of
 * them on each runtime; NANOCLAW_MAILBOX_READS makes so many on each.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ReaderPool } from "../../drivers/readers/reader-pool.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Follower, inboundOf, outboundOf } from "./mailbox/agreed-rows.ts";
import { readerUser, removeDir, SessionBox, sessionsDir } from "./mailbox/session-box.ts";

const READS = Number(process.env.NANOCLAW_MAILBOX_READS ?? (process.env.NANOCLAW_FULL ? 50_000 : 5_000));
/** Rows to the container that it has not taken yet, at most. */
const WINDOW = 60;

for (const runtime of ["runc", "runsc"]) {
  describe(`mailbox on ${runtime}`, () => {
    const sessions = sessionsDir();
    const pool = new ReaderPool({ sessionsDir: sessions, log: silentLog, user: readerUser });
    after(async () => {
      await pool.close();
      removeDir(sessions);
    });

    for (const gap of [0, 1]) {
      test(`both sides commit ${gap ? "with a small gap" : "without a pause"}: no read torn, no row missed`, async (t) => {
        const box = new SessionBox(sessions, `rate-${gap}`);
        const side = new HostSide(box, pool);
        const container = box.start(runtime, "honest-box.ts", `${gap}`);
        try {
          while (side.reads < READS / 2) await side.exchange();
        } finally {
          await container.remove();
          side.close();
        }
        t.diagnostic(side.summary());
        assert.deepEqual(side.outbound.faults, []);
        assert.equal(side.boxFaults, "");
        assert.ok(side.outbound.rows > 200, `only ${side.outbound.rows} rows came: ${container.stderr}`);
        assert.ok(side.taken > 100, `the container took only ${side.taken / 2} rows`);
      });
    }

    test("a runner killed at any moment leaves every committed row to the next one", async (t) => {
      const box = new SessionBox(sessions, "killed");
      const side = new HostSide(box, pool);
      let hot = 0;
      const kills = process.env.NANOCLAW_FULL ? 30 : 5;
      try {
        for (let kill = 0; kill < kills || (hot === 0 && kill < 40); kill += 1) {
          const container = box.start(runtime, "honest-box.ts", "0");
          const before = side.outbound.last;
          while (side.outbound.last < before + 100) {
            container.mustRun();
            await side.exchange();
          }
          const end = performance.now() + Math.random() * 40;
          while (performance.now() < end) await side.exchange();
          await container.kill();
          if ((await side.look()) === "busy") hot += 1;
        }
        const last = box.start(runtime, "honest-box.ts", "0");
        const before = side.outbound.last;
        while (side.outbound.last < before + 100) {
          last.mustRun();
          await side.exchange();
        }
        await last.remove();
      } finally {
        side.close();
      }
      t.diagnostic(`${kills} kills, ${hot} in the middle of a commit; ${side.summary()}`);
      assert.deepEqual(side.outbound.faults, []);
      assert.equal(side.boxFaults, "");
      assert.ok(hot > 0, "no kill met a commit: the test has shown nothing");
    });
  });
}

/** The host's part of the exchange: reads, acknowledges what it took, and sends rows of its own. */
class HostSide {
  readonly outbound = new Follower(outboundOf, -1);
  reads = 0;
  boxFaults = "";
  /** The highest of our rows that the container has taken. */
  taken = 0;
  readonly #box: SessionBox;
  readonly #pool: ReaderPool;
  readonly #inbound: MailboxWriter;
  readonly #times: number[] = [];
  readonly #statuses: Record<string, number> = {};
  #sent = 0;

  constructor(box: SessionBox, pool: ReaderPool) {
    this.#box = box;
    this.#pool = pool;
    this.#inbound = MailboxWriter.open(box.inboundDb);
  }

  /** One read, and now and then a commit. */
  async exchange(): Promise<void> {
    const status = await this.look();
    if (status !== "ok") await sleep(1);
    if (this.reads % 4 === 0) this.#send();
  }

  async look(): Promise<string> {
    const began = performance.now();
    const read = await this.#pool.read(this.#box.outbound.db, this.#box.outbound, this.outbound.last);
    this.#statuses[read.status] = (this.#statuses[read.status] ?? 0) + 1;
    if (read.status === "ok") {
      this.#times.push(performance.now() - began);
      this.reads += 1;
      this.outbound.take(read);
      this.boxFaults ||= read.state.faults ?? "";
      this.taken = Number(read.state.seen ?? 0);
    } else if (read.status !== "busy" && read.status !== "absent") {
      this.outbound.faults.push(`${read.status}: ${read.why}`);
    }
    return read.status;
  }

  summary(): string {
    const times = this.#times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)]?.toFixed(2);
    const statuses = JSON.stringify(this.#statuses);
    return `${statuses}, ${this.outbound.rows} rows taken, ${this.#sent / 2} sent; read p50 ${at(0.5)} p99 ${at(0.99)} ms`;
  }

  close(): void {
    this.#inbound.close();
  }

  #send(): void {
    const put = [];
    for (let count = 0; count < 3 && this.#sent - this.taken < 2 * WINDOW; count += 1) {
      this.#sent += 2;
      put.push({ n: this.#sent, body: inboundOf(this.#sent) });
    }
    const state = { acked: `${Math.max(0, this.outbound.last)}`, last: `${this.#sent}` };
    this.#inbound.commit({ put, remove: { upTo: this.taken }, state });
  }
}
