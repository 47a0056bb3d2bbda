/** What the mailbox costs: a durable commit, a look, a snapshot, and the round trip to a reader process with its memory. */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReaderPool } from "../drivers/readers/reader-pool.ts";
import { decodeMailbox } from "../protocol/mailbox/decode.ts";
import { changeCounter, readSnapshot } from "../protocol/mailbox/snapshot.ts";
import { MailboxWriter } from "../protocol/mailbox/writer.ts";
import type { OutboundBody } from "../protocol/rows.ts";
import { silentLog } from "../src/lib/log.ts";
import { percentiles, type Row, type Section, single, table } from "./stats.ts";

const ROUNDS = 2_000;
const bodyOf = (n: number): OutboundBody => ({
  kind: "tool_started",
  turn: n,
  call: `${n}`,
  name: "Bash",
  summary: "x".repeat(400),
});

export async function run(): Promise<Section> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), "nanoclaw-bench-"));
  try {
    return { name: "mailbox", rows: [...writing(join(dir, "w.db")), ...reading(dir), ...(await pool(dir))] };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function writing(path: string): Row[] {
  const writer = MailboxWriter.open(path);
  let n = 1;
  const commits = times(ROUNDS / 4, () => {
    n += 2;
    writer.commit({ put: [{ n, body: bodyOf(n) }], remove: { upTo: n - 40 } });
  });
  writer.close();
  return [percentiles("durable commit of one row of 500 bytes", "ms", commits)];
}

function reading(dir: string): Row[] {
  return [20, 800].flatMap((count) => {
    const { db, journal, size } = mailbox(dir, count);
    const bytes = () => {
      const snapshot = readSnapshot(db, journal);
      if (snapshot.status !== "ok") throw new Error(`the snapshot is ${snapshot.status}`);
      return snapshot.bytes;
    };
    const at = `of ${size} kB`;
    return [
      percentiles(`snapshot ${at}`, "ms", times(ROUNDS, bytes)),
      percentiles(
        `snapshot ${at} and its last row`,
        "ms",
        times(ROUNDS, () => decodeMailbox(bytes(), 2 * count - 2, 128)),
      ),
      percentiles(
        `look at the change counter ${at}`,
        "µs",
        times(ROUNDS, () => changeCounter(db)).map((ms) => ms * 1_000),
      ),
    ];
  });
}

async function pool(dir: string): Promise<Row[]> {
  const readers = new ReaderPool({ sessionsDir: dir, log: silentLog });
  try {
    const rows: Row[] = [];
    const began = performance.now();
    await readers.read("first", mailbox(dir, 20), 0);
    rows.push(single("first read, reader's start included", "ms", performance.now() - began));
    for (const count of [20, 800]) {
      const { db, journal, size } = mailbox(dir, count);
      const samples: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const start = performance.now();
        const result = await readers.read("bench", { db, journal }, 2 * count - 2);
        if (result.status !== "ok" || result.rows.length !== 1) throw new Error(`the read is ${result.status}`);
        samples.push(performance.now() - start);
      }
      rows.push(
        percentiles(`reader round trip, one row ${size} kB`, "ms", samples, count === 20 ? "1 p50" : undefined),
      );
    }
    return [...rows, ...readers.pids.flatMap(memoryOf)];
  } finally {
    await readers.close();
  }
}

/** Linux only: elsewhere the rows are missing. */
function memoryOf(pid: number): Row[] {
  if (process.platform !== "linux") return [];
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (...keys: string[]) =>
    keys.reduce((sum, key) => sum + Number(rollup.match(new RegExp(`^${key}: +(\\d+)`, "m"))?.[1] ?? 0) / 1024, 0);
  return [
    single("a reader's memory, resident", "MB", megabytes("Rss")),
    single("a reader's memory, its own", "MB", megabytes("Private_Clean", "Private_Dirty")),
  ];
}

function mailbox(dir: string, count: number): { db: string; journal: string; size: number } {
  const db = join(dir, `${count}.db`);
  const writer = MailboxWriter.open(db);
  const put = Array.from({ length: count }, (_, index) => ({ n: 2 * index + 1, body: bodyOf(2 * index + 1) }));
  writer.commit({ put });
  writer.close();
  return { db, journal: `${db}-journal`, size: Math.round(readFileSync(db).length / 1000) };
}

function times(count: number, act: () => void): number[] {
  return Array.from({ length: count }, () => {
    const began = performance.now();
    act();
    return performance.now() - began;
  });
}

if (import.meta.main) {
  const section = await run();
  process.stdout.write(`${process.argv.includes("--json") ? JSON.stringify(section, null, 2) : table([section])}\n`);
}
