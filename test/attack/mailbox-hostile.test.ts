/**
 * A hostile container with exactly the mailbox mounts of a session does to them what it can. Through all of it the
 * host's event loop is never held up for 50 ms, its own writing goes on, and a neighbour's mailbox is read as ever.
 */
import assert from "node:assert/strict";
import { chownSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { hostileFiles } from "../../container/probe/hostile-bytes.ts";
import { ReaderPool } from "../../drivers/readers/reader-pool.ts";
import { inside } from "../../protocol/layout.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { ReadResult } from "../../src/sessions/mailbox-readers.ts";
import { inboundOf } from "./mailbox/agreed-rows.ts";
import { watchLoop } from "./mailbox/loop-delay.ts";
import { Neighbour } from "./mailbox/neighbour.ts";
import { type Container, containerUid, readerUser, removeDir, SessionBox, sessionsDir } from "./mailbox/session-box.ts";

/** What was tried, and "done" or why it failed. */
type Report = Record<string, string>;

const MOST_DELAY_MS = 50;
/** Reads of the hostile mailbox under each attack, and how long an attack lasts at least. */
const READS = process.env.NANOCLAW_FULL ? 500 : 30;
const LASTS_MS = process.env.NANOCLAW_FULL ? 1_000 : 150;

for (const runtime of ["runc", "runsc"]) {
  describe(`hostile mailbox on ${runtime}`, () => {
    const sessions = sessionsDir(true);
    const files = hostileFiles(join(sessions, "scratch.db"));
    const pool = new ReaderPool({ sessionsDir: sessions, log: silentLog, user: readerUser });
    const box = new SessionBox(sessions, "hostile");
    const neighbour = new Neighbour(sessions, pool);
    let inbound = MailboxWriter.open(box.inboundDb);
    let container: Container;

    before(async () => {
      // As on a host that is not root: the container's uid is the host's, so it may ask for leases on the host's files.
      for (const file of [box.inboundDb, `${box.inboundDb}-journal`]) chownSync(file, containerUid, containerUid);
      container = box.start(runtime, "hostile-box.ts");
      await container.ask();
    });
    after(async () => {
      await container.remove();
      await pool.close();
      inbound.close();
      neighbour.close();
      removeDir(sessions);
    });

    const read = () => pool.read("hostile", box.outbound, 0);

    /** Performs an attack, reads under it with everything else at full rate, and checks what must hold under any. */
    async function under(t: TestContext, attack: string, expect: (result: ReadResult) => void): Promise<Report> {
      const report = await container.ask(attack);
      const slowest = { commit: 0, neighbour: 0 };
      const loop = watchLoop();
      const end = performance.now() + LASTS_MS;
      for (let count = 0; count < READS || performance.now() < end; count += 1) {
        const reading = read();
        slowest.neighbour = Math.max(slowest.neighbour, await neighbour.read());
        const began = performance.now();
        inbound.commit({ put: [{ n: 2, body: inboundOf(count + 2) }] });
        slowest.commit = Math.max(slowest.commit, performance.now() - began);
        expect(await reading);
      }
      const { most, mostOwn } = loop.stop();
      const figures = Object.entries({ loop: most, "its own": mostOwn, ...slowest });
      t.diagnostic(`at most ${figures.map(([what, ms]) => `${what} ${ms.toFixed(1)}`).join(", ")} ms`);
      assert.ok(mostOwn < MOST_DELAY_MS, `the event loop was held up for ${mostOwn} ms`);
      await container.ask("calm");
      assert.equal((await read()).status, "ok");
      return report;
    }

    test("locks on every file hold nobody up", async (t) => {
      const report = await under(t, "locks", (result) => assert.equal(result.status, "ok"));
      assert.ok(Object.values(report).filter((how) => how === "done").length >= 8, JSON.stringify(report));
    });

    test("leases on every file hold nobody up", async (t) => {
      const report = await under(t, "leases", (result) => assert.match(result.status, /^(ok|busy)$/));
      t.diagnostic(JSON.stringify(report));
      if (runtime === "runc") assert.equal(report[`write lease: ${inside.outboundDb}`], "done");
      for (const path of [inside.inboundDb, `${inside.inboundDb}-journal`]) {
        assert.notEqual(report[`read lease: ${path}`], "done", "leased while the host writes it");
      }
    });

    test("a lease taken while no host runs makes the next one's opening fail at once, not wait", async (t) => {
      inbound.close();
      const report = await container.ask("leases");
      const began = performance.now();
      if (report[`read lease: ${inside.inboundDb}`] === "done") {
        assert.throws(() => MailboxWriter.open(box.inboundDb), /held by a lease: end the container/);
      } else {
        assert.equal(runtime, "runsc", JSON.stringify(report));
      }
      t.diagnostic(`answered after ${(performance.now() - began).toFixed(1)} ms`);
      assert.ok(performance.now() - began < MOST_DELAY_MS);
      await container.ask("calm");
      inbound = MailboxWriter.open(box.inboundDb);
    });

    test("no mailbox file can be swapped, moved, linked or written from the other side", async (t) => {
      const paths = [box.inboundDb, `${box.inboundDb}-journal`, ...Object.values(box.outbound)];
      const inodes = paths.map((path) => lstatSync(path).ino);
      const report = await under(t, "swaps", (result) => assert.equal(result.status, "ok"));
      for (const [what, how] of Object.entries(report)) assert.match(how, /^(E[A-Z]+|refused)$/, what);
      assert.deepEqual(
        paths.map((path) => lstatSync(path).ino),
        inodes,
      );
    });

    test("an emptied file is an absent mailbox", async (t) => {
      await under(t, "truncate", (result) => assert.equal(result.status, "absent"));
    });

    test("a file of 1 GB is refused unread", async (t) => {
      const report = await under(t, "grow to 1 GB", (result) => {
        assert.deepEqual(result, { status: "invalid", why: "it has 1073741824 bytes, more than 4194304" });
      });
      assert.deepEqual(new Set(Object.values(report)), new Set(["done"]));
    });

    test("a database in place of the journal is never more than a commit under way", async (t) => {
      await under(t, "exchange", (result) => assert.deepEqual(result, { status: "busy", why: "its journal is hot" }));
    });

    test("a file that the reader may not open is refused", async (t) => {
      if (!readerUser) return t.diagnostic("reader and container are the same user here");
      await under(t, "no right to read", (result) => assert.match(JSON.stringify(result), /invalid.*EACCES/));
    });

    for (const [name, { expected }] of Object.entries(files)) {
      test(`written inside: ${name}`, async (t) => {
        await under(t, `file: ${name}`, (result) => {
          assert.equal(result.status, expected.status, JSON.stringify(result));
          if (expected.status === "invalid" && result.status === "invalid") assert.match(result.why, expected.why);
          if (expected.status !== "ok" || result.status !== "ok") return;
          assert.deepEqual(
            result.rows.map(({ n }) => n),
            expected.rows,
          );
          assert.deepEqual(
            result.refused.map(({ n }) => n),
            expected.refused,
          );
        });
      });
    }

    test("hostile files one after the other at full rate: every read ends, none in a crash", async (t) => {
      await under(t, "churn", (result) => assert.match(result.status, /^(ok|busy|absent|invalid)$/));
    });

    test("a forged journal that names a host file is never rolled back by the host", async (t) => {
      const canary = join(sessions, "canary");
      writeFileSync(canary, "precious");
      await container.ask("calm");
      const before = readFileSync(box.outbound.db);
      await under(t, `forge: ${canary}`, (result) => {
        assert.deepEqual(result, { status: "busy", why: "its journal is hot" });
        assert.equal(readFileSync(canary, "utf8"), "precious");
        // Whoever opens it with SQLite rolls the journal back, and then it is hot no more.
        assert.equal(readFileSync(box.outbound.journal)[0], 0xd9);
        assert.deepEqual(readFileSync(box.outbound.db), before);
      });
    });

    test("a reader that hangs costs its session a strike and the neighbour nothing", async (t) => {
      const strict = new ReaderPool({ sessionsDir: sessions, log: silentLog, user: readerUser, deadlineMs: 200 });
      try {
        await container.ask("calm");
        assert.equal((await strict.read("hostile", box.outbound, 0)).status, "ok");
        for (const pid of strict.pids) process.kill(pid, "SIGSTOP");
        const hung = strict.read("hostile", box.outbound, 0);
        const beside = new Neighbour(sessions, strict, "beside");
        t.diagnostic(`the neighbour's read took ${(await beside.read()).toFixed(0)} ms while a reader hung`);
        assert.equal((await hung).status, "killed");
        for (let count = 0; count < 20; count += 1) await beside.read();
        assert.equal((await strict.read("hostile", box.outbound, 0)).status, "ok");
        beside.close();
      } finally {
        await strict.close();
      }
    });
  });
}
