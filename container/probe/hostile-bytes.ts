/**
 * Mailbox files as a hostile writer would make them, and what a reader must make of each. Runs on Node and Bun, so the
 * same bytes are tried in a unit test and from inside a container.
 */
import { readFileSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { CREATE, PAGE_SIZE } from "../../protocol/mailbox/schema.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";

export type Expected =
  | { status: "invalid"; why: RegExp }
  | { status: "absent" }
  /** Good rows come, and these numbers are refused. */
  | { status: "ok"; rows: number[]; refused: number[] };

export interface HostileFile {
  bytes: Buffer;
  expected: Expected;
}

const goodBody = { kind: "turn_started", inbound: [2] };
const good = JSON.stringify(goodBody);
const [ROW = "", STATE = ""] = CREATE;

/** @param scratch a path where files may be made */
export function hostileFiles(scratch: string): Record<string, HostileFile> {
  const sql = (...statements: string[]) => databaseOf(scratch, statements);
  const valid = validMailbox(scratch);
  const invalid = (bytes: Buffer, why: RegExp): HostileFile => ({ bytes, expected: { status: "invalid", why } });
  const ok = (bytes: Buffer, rows: number[], refused: number[]): HostileFile => ({
    bytes,
    expected: { status: "ok", rows, refused },
  });
  const patched = (offset: number, ...values: number[]) => {
    const bytes = Buffer.from(valid);
    bytes.set(values, offset);
    return bytes;
  };
  const withRow = (n: string, kind: string, body: string) =>
    sql(ROW, STATE, `INSERT INTO row VALUES (1, 'turn_started', '${good}'), (${n}, ${kind}, ${body})`);
  const nested = (levels: number) => `'{"kind":"a","x":${"[".repeat(levels)}${"]".repeat(levels)}}'`;

  return {
    "nothing at all": { bytes: Buffer.alloc(0), expected: { status: "absent" } },
    "random bytes": invalid(Buffer.alloc(40_960, "not a database, "), /no SQLite database/),
    zeros: { bytes: Buffer.alloc(8_192), expected: { status: "absent" } },
    "a header alone": invalid(valid.subarray(0, 100), /impossible size|schema is not ours/),
    "a page size of 512": invalid(patched(16, 2, 0), /pages are not/),
    "WAL mode": invalid(patched(18, 2, 2), /rollback-journal/),
    "UTF-16": invalid(patched(56, 0, 0, 0, 2), /encoding/),
    "a claim of 4 GB": invalid(patched(28, 0, 15, 255, 255), /impossible size/),
    "a claim of no pages": invalid(patched(28, 0, 0, 0, 0), /impossible size/),
    "a schema tree": invalid(patched(100, 5), /schema is not ours/),
    "a torn schema page": invalid(patched(108, 255, 255, 255, 255, 255, 255), /schema is not ours|can't read/),
    "an endless recursive view": invalid(sql(VIEW, STATE), /schema is not ours/),
    "a trigger": invalid(sql(ROW, "CREATE TABLE state(a)", TRIGGER), /schema is not ours/),
    "one more table": invalid(sql(ROW, STATE, "CREATE TABLE more(a)"), /schema is not ours/),
    "other columns": invalid(sql(ROW.replace("body TEXT", "body BLOB"), STATE), /schema is not ours/),
    "a number below 1": invalid(withRow("-5", "'a'", "'{}'"), /positive safe integer/),
    "a number above 2^53": invalid(withRow("9007199254740993", "'a'", "'{}'"), /positive safe integer/),
    "a tree that leads to itself": invalid(withTree(valid, "row", 1), /can't read/),
    "a cyclic tree of rows": invalid(withTree(valid, "row", 12), /out of order|can't read/),
    "a cyclic tree of state": ok(withTree(valid, "state", 12), [1], []),
    "a row of 3 MB": ok(withRow("3", "'a'", "hex(zeroblob(1500000))"), [1], [3]),
    "a kind of 1 MB": ok(withRow("3", "hex(zeroblob(500000))", "'{}'"), [1], [3]),
    "a row whose size is a lie": invalid(withLie(valid), /can't read/),
    "a body of another type": ok(
      untyped(scratch, "(1, 'turn_started', '{good}'), (3, 'a', x'00'), (5, 'a', 7)"),
      [1],
      [3, 5],
    ),
    "a number of another type": ok(untyped(scratch, "(1, 'turn_started', '{good}'), ('3', 7, '{}')"), [1], [3]),
    "a body that is not JSON": ok(withRow("3", "'a'", "'{'"), [1], [3]),
    "a body of null": ok(withRow("3", "'null'", "'null'"), [1], [3]),
    "invalid UTF-8": ok(withRow("3", "'turn_started'", "CAST(x'7b22ff22' AS TEXT)"), [1], [3]),
    "JSON of 200,000 levels": ok(withRow("3", "'a'", nested(200_000)), [1], [3]),
    "JSON of 300,000 values": ok(withRow("3", "'a'", `'[${"[],".repeat(300_000)}1]'`), [1], [3]),
    "a kind that lies": ok(withRow("3", "'turn_ended'", `'${good}'`), [1], [3]),
    "another schema of body": ok(withRow("3", "'rm'", `'{"kind":"rm","path":"/"}'`), [1], [3]),
  };
}

const ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";
const VIEW = `CREATE VIEW row AS ${ENDLESS} SELECT x AS n, 'a' AS kind, '{}' AS body FROM c WHERE x < 0`;
const TRIGGER = `CREATE TRIGGER t AFTER INSERT ON row BEGIN ${"SELECT 1;"} END`;

export function validMailbox(scratch: string): Buffer {
  remove(scratch);
  const writer = MailboxWriter.open(scratch);
  writer.commit({ put: [{ n: 1, body: goodBody }], state: { progress: "{}" } });
  writer.close();
  return take(scratch);
}

function databaseOf(scratch: string, statements: string[]): Buffer {
  remove(scratch);
  const db = new DatabaseSync(scratch, { defensive: false });
  db.exec(`PRAGMA page_size = ${PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL`);
  for (const statement of statements) db.exec(statement);
  db.close();
  return take(scratch);
}

/** Rows of any type under a schema that says STRICT. */
function untyped(scratch: string, rows: string): Buffer {
  const loose = ROW.replace(" STRICT", "").replaceAll(" TEXT NOT NULL", "");
  const state = STATE;
  return databaseOf(scratch, [
    loose,
    state,
    `INSERT INTO row VALUES ${rows.replace("{good}", good)}`,
    `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '${ROW}' WHERE name = 'row'`,
  ]);
}

/**
 * Makes the table's tree `depth` levels of inner pages, each with 300 children that are all the same page: a walk over
 * it would see 300^depth leaves. With depth 1 the page is its own child.
 */
function withTree(valid: Buffer, table: string, depth: number): Buffer {
  const pages = valid.length / PAGE_SIZE;
  const bytes = Buffer.concat([valid, Buffer.alloc(depth * PAGE_SIZE)]);
  bytes.writeUInt32BE(pages + depth, 28);
  const root = rootOf(valid, table);
  const leaf = pages + depth;
  bytes.set(valid.subarray((root - 1) * PAGE_SIZE, root * PAGE_SIZE), (leaf - 1) * PAGE_SIZE);
  let page = root;
  for (let level = 1; level <= depth; level += 1) {
    const child = depth === 1 ? root : level === depth ? leaf : pages + level;
    innerPage(child, 300).copy(bytes, (page - 1) * PAGE_SIZE);
    page = child;
  }
  return bytes;
}

function innerPage(child: number, cells: number): Buffer {
  const page = Buffer.alloc(PAGE_SIZE);
  const start = PAGE_SIZE - cells * 7;
  page[0] = 5;
  page.writeUInt16BE(cells, 3);
  page.writeUInt16BE(start, 5);
  page.writeUInt32BE(child, 8);
  for (let cell = 0; cell < cells; cell += 1) {
    const at = start + cell * 7;
    page.writeUInt16BE(at, 12 + cell * 2);
    page.writeUInt32BE(child, at);
    // The key, as a varint of three bytes.
    page.set([0x81 + (cell >> 7), 0x80 | (cell & 0x7f), 0], at + 4);
  }
  return page;
}

/** A row that claims a payload of 2 GB. */
function withLie(valid: Buffer): Buffer {
  const bytes = Buffer.from(valid);
  const page = (rootOf(valid, "row") - 1) * PAGE_SIZE;
  const cell = page + bytes.readUInt16BE(page + 8);
  bytes.set([0x87, 0xff, 0xff, 0xff, 0x7f, 1], cell);
  return bytes;
}

function rootOf(bytes: Buffer, table: string): number {
  const db = new DatabaseSync(":memory:");
  db.deserialize(bytes);
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table)?.rootpage);
  db.close();
  return root;
}

/** A hot journal that tells SQLite to delete the file `victim` when it rolls it back. */
export function forgedJournal(valid: Buffer, victim: string): Buffer {
  const header = Buffer.alloc(512);
  Buffer.from([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]).copy(header);
  header.writeUInt32BE(0xffffffff, 8);
  header.writeUInt32BE(7, 12);
  header.writeUInt32BE(valid.length / PAGE_SIZE, 16);
  header.writeUInt32BE(512, 20);
  header.writeUInt32BE(PAGE_SIZE, 24);
  const name = Buffer.from(victim);
  const trailer = Buffer.alloc(4 + name.length + 16);
  trailer.writeUInt32BE(0x40000000 / PAGE_SIZE + 1);
  name.copy(trailer, 4);
  trailer.writeUInt32BE(name.length, 4 + name.length);
  trailer.writeUInt32BE(name.reduce((sum, byte) => sum + ((byte << 24) >> 24), 0) >>> 0, 8 + name.length);
  header.copy(trailer, 12 + name.length, 0, 8);
  return Buffer.concat([header, trailer]);
}

function take(path: string): Buffer {
  const bytes = readFileSync(path);
  remove(path);
  return bytes;
}

function remove(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}-journal`, { force: true });
}
