import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { MailboxPaths } from "../../protocol/mailbox/snapshot.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { OutboundBody } from "../../protocol/rows.ts";
import { silentLog } from "../../src/lib/log.ts";
import { parseReply } from "../../src/sessions/mailbox-readers.ts";
import { MAX_FRAME_BYTES } from "./frame.ts";
import { ReaderPool, type ReaderPoolOptions } from "./reader-pool.ts";

const isRoot = process.getuid?.() === 0;
let sessionsDir = "";
let pools: ReaderPool[] = [];
beforeEach(() => {
  // Like a data folder: nobody but the host's user gets through the directory above.
  sessionsDir = join(mkdtempSync(join(realpathSync(tmpdir()), "nanoclaw-readers-")), "sessions");
  mkdirSync(sessionsDir);
});
afterEach(async () => {
  for (const pool of pools) await pool.close();
  pools = [];
  rmSync(dirname(sessionsDir), { recursive: true, force: true });
});

function pool(options: Partial<ReaderPoolOptions> = {}): ReaderPool {
  const made = new ReaderPool({ sessionsDir, log: silentLog, ...options });
  pools.push(made);
  return made;
}

const body: OutboundBody = { kind: "turn_started", inbound: [2] };

function mailbox(name: string, rows = [{ n: 1, body }]): MailboxPaths {
  const db = join(sessionsDir, `${name}.db`);
  const writer = MailboxWriter.open(db);
  writer.commit({ put: rows });
  writer.close();
  return { db, journal: `${db}-journal` };
}

/** Stops the readers where they are, as an endless query would. */
const hang = ({ pids }: ReaderPool) => {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
};

describe("reader pool", () => {
  test("a mailbox's new rows come back checked; one that is not there is absent", async () => {
    const readers = pool();
    const paths = mailbox(
      "a",
      [1, 3, 5].map((n) => ({ n, body })),
    );
    const result = await readers.read("a", paths, 1);
    assert.equal(result.status, "ok");
    assert.deepEqual(
      result.status === "ok" && result.rows,
      [3, 5].map((n) => ({ n, body })),
    );
    const nowhere = { db: join(sessionsDir, "b.db"), journal: join(sessionsDir, "b.db-journal") };
    assert.deepEqual(await readers.read("b", nowhere, 0), { status: "absent" });
  });

  test("a row that is not what the schema says is refused by the host, the others come", async () => {
    const wrong = { kind: "turn_started", inbound: ["rm -rf"] } as unknown as OutboundBody;
    const paths = mailbox("a", [
      { n: 1, body },
      { n: 3, body: wrong },
    ]);
    const result = await pool().read("a", paths, 0);
    assert.ok(result.status === "ok");
    assert.deepEqual(result.rows, [{ n: 1, body }]);
    assert.equal(result.refused[0]?.n, 3);
    assert.match(result.refused[0]?.why ?? "", /^inbound\.0: /);
  });

  test("a reader has no environment, no root, no other file, and a bound on its processor time", async () => {
    const user = isRoot ? { uid: 700_000, gid: 700_000 } : null;
    const readers = pool({ user });
    const paths = mailbox("a");
    if (user) for (const file of Object.values(paths)) chownSync(file, 0, user.gid);
    for (const file of Object.values(paths)) chmodSync(file, 0o640);
    assert.equal((await readers.read("a", paths, 0)).status, "ok");
    const outside = { db: "/etc/passwd", journal: "/etc/passwd-journal" };
    const result = await readers.read("b", outside, 0);
    assert.match(result.status === "invalid" ? result.why : result.status, /ERR_ACCESS_DENIED/);
    for (const pid of readers.pids) {
      assert.equal(readFileSync(`/proc/${pid}/limits`, "utf8").match(/Max cpu time +(\d+)/)?.[1], "60");
      if (user) assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /Uid:\t700000\t700000\t700000\t700000\n/);
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      assert.deepEqual(
        environment.filter((entry) => !/^(MALLOC_ARENA_MAX|PWD|)(=|$)/.test(entry)),
        [],
      );
    }
  });

  test("reads of one session come one after the other, in order", async () => {
    const readers = pool();
    const paths = mailbox(
      "a",
      [1, 3, 5].map((n) => ({ n, body })),
    );
    const order: number[] = [];
    const reads = [0, 1, 3].map((after) => readers.read("a", paths, after).then(() => order.push(after)));
    await Promise.all(reads);
    assert.deepEqual(order, [0, 1, 3]);
    assert.equal(readers.pids.length, 1);
  });

  test("a read that hangs is killed at the deadline; those that wait go to another reader", async () => {
    const readers = pool({ deadlineMs: 1_500 });
    const [bad, good] = [mailbox("bad"), mailbox("good")];
    await readers.read("bad", bad, 0);
    hang(readers);
    const hung = readers.read("bad", bad, 0);
    let over = false;
    void hung.then(() => {
      over = true;
    });
    const others = await Promise.all([1, 2, 3, 4].map((one) => readers.read(`good ${one}`, good, 0)));
    assert.equal(over, false, "they waited for the one that hung");
    assert.deepEqual(
      others.map(({ status }) => status),
      ["ok", "ok", "ok", "ok"],
    );
    const result = await hung;
    assert.equal(result.status, "killed");
    assert.equal((await readers.read("bad", bad, 0)).status, "ok");
  });

  test("sessions with a strike never hold the last reader", async () => {
    const readers = pool({ deadlineMs: 300 });
    const paths = mailbox("a");
    await readers.read("good", paths, 0);
    for (const session of ["bad 1", "bad 2"]) {
      hang(readers);
      assert.equal((await readers.read(session, paths, 0)).status, "killed");
      while (readers.idle < 2) await sleep(5);
    }
    hang(readers);
    const order: string[] = [];
    const ask = (session: string) =>
      readers.read(session, paths, 0).then(({ status }) => order.push(`${session} ${status}`));
    const asked = ["bad 1", "bad 2", "good"].map(ask);
    for (const pid of readers.pids.slice(1)) process.kill(pid, "SIGCONT");
    await Promise.all(asked);
    assert.deepEqual(order, ["good ok", "bad 1 killed", "bad 2 ok"]);
  });

  test("a reader that dies while nothing is under way is replaced, and costs nobody a strike", async () => {
    const readers = pool();
    const paths = mailbox("a");
    await readers.read("a", paths, 0);
    const { pids } = readers;
    for (const pid of pids) process.kill(pid, "SIGKILL");
    // On a loaded machine the host hears of a death later.
    while (readers.pids.some((pid) => pids.includes(pid))) await sleep(5);
    assert.equal((await readers.read("a", paths, 0)).status, "ok");
  });

  test("where no reader can be started every read says so, and none hangs", async () => {
    const readers = pool({ user: { uid: -5, gid: -5 } });
    const paths = mailbox("a");
    for (const result of await Promise.all([readers.read("a", paths, 0), readers.read("b", paths, 0)])) {
      assert.equal(result.status, "busy");
      assert.match(result.status === "busy" ? result.why : "", /no mailbox reader could be started: .*gid/s);
    }
  });

  test("readers end with their host, however it ends", async () => {
    const modules = ["reader-pool.ts", "../../src/lib/log.ts"].map((file) =>
      JSON.stringify(join(import.meta.dirname, file)),
    );
    const code = `
      import { ReaderPool } from ${modules[0]};
      import { silentLog } from ${modules[1]};
      const pool = new ReaderPool({ sessionsDir: ${JSON.stringify(sessionsDir)}, log: silentLog });
      const paths = { db: ${JSON.stringify(join(sessionsDir, "a.db"))}, journal: "/nowhere" };
      await pool.read("a", paths, 0);
      console.log(JSON.stringify(pool.pids));`;
    const host = spawn(process.execPath, ["--input-type=module", "--eval", code]);
    const [line] = await once(host.stdout, "data");
    const [pid]: number[] = JSON.parse(String(line));
    assert.ok(pid);
    process.kill(pid, 0);
    host.kill("SIGKILL");
    // Where nothing collects orphans it stays as a zombie.
    const gone = () => !existsSync(`/proc/${pid}`) || /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    for (let tries = 0; !gone() && tries < 200; tries += 1) await sleep(10);
    assert.ok(gone());
  });

  test("closing ends the readers and every read", async () => {
    const readers = pool();
    const paths = mailbox("a");
    const reads = [readers.read("a", paths, 0), readers.read("b", paths, 0)];
    const { pids } = readers;
    await readers.close();
    for (const read of reads) assert.deepEqual(await read, { status: "busy", why: "the host is stopping" });
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    assert.equal((await readers.read("a", paths, 0)).status, "busy");
  });

  test("the answer of a captured reader is not believed", () => {
    const ok = { status: "ok", rows: [], refused: [], more: false, state: {}, changeCounter: 1 };
    assert.equal(parseReply(Buffer.from(JSON.stringify(ok))).status, "ok");
    const forged = [
      "",
      "{",
      "[]",
      '{"status":"killed","why":"x"}',
      JSON.stringify({ ...ok, rows: [{ n: -1, body }] }),
      JSON.stringify({ ...ok, rows: Array(1_000).fill({ n: 1, body }) }),
      JSON.stringify({ ...ok, state: { a: 1 } }),
    ];
    for (const text of forged) assert.throws(() => parseReply(Buffer.from(text)), text);
    const strange = parseReply(Buffer.from(JSON.stringify({ ...ok, rows: [{ n: 1, body: { kind: "root" } }] })));
    assert.deepEqual(strange.status === "ok" && [strange.rows, strange.refused.length], [[], 1]);
    assert.ok(MAX_FRAME_BYTES < 2 ** 22);
  });
});
