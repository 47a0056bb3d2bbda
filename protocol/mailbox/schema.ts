/**
 * The form of a mailbox file, the same for `inbound.db` and `outbound.db`. A reader accepts exactly what the writer
 * makes: any other page size, encoding, table, index, view or trigger is refused before a row is looked at.
 */

/** Largest body of one row, in bytes of JSON. */
export const MAX_BODY_BYTES = 1_000_000;
/** Rows that one read returns at most. */
export const MAX_ROWS_PER_READ = 128;
export const PAGE_SIZE = 4096;
/** The writer makes its file no larger, and a reader refuses a larger one unread. Usual files are under 100 kB. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Longest value under a state key, in bytes. */
export const MAX_STATE_BYTES = 200_000;
/** Longest key of a state entry in bytes, and how many entries one read returns. */
export const MAX_STATE_KEY_BYTES = 100;
export const MAX_STATE_KEYS = 16;
/** Deepest nesting of a body, and most values in it. Ours have four levels and, with long lists of numbers, 2,000 values. */
export const MAX_DEPTH = 32;
export const MAX_VALUES = 5_000;

const ROW = "CREATE TABLE row(n INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL) STRICT";
const STATE = "CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT";

export const CREATE = [ROW, STATE];

/** What `sqlite_schema` of a mailbox holds, in its order. */
export const EXPECTED_SCHEMA = [
  { type: "table", name: "row", tbl_name: "row", sql: ROW },
  { type: "table", name: "state", tbl_name: "state", sql: STATE },
  { type: "index", name: "sqlite_autoindex_state_1", tbl_name: "state", sql: null },
];

/** Where the header of an SQLite file keeps what is checked here (sqlite.org/fileformat2.html, section 1.3). */
const CHANGE_COUNTER = 24;
const PAGE_COUNT = 28;
const SCHEMA_FORMAT = 44;
const FIRST_CELL = 100;
export const HEADER_BYTES = FIRST_CELL + 8;

/** The counter that rises with every commit. */
export function changeCounterOf(header: Buffer): number {
  return header.readUInt32BE(CHANGE_COUNTER);
}

/** False between the writer's first commit, which makes the file, and its second, which makes the tables. */
export function hasTables(header: Buffer): boolean {
  return header.readUInt32BE(SCHEMA_FORMAT) !== 0;
}

/**
 * Looks at the header of a file before SQLite does.
 * @returns how many bytes belong to the database (the rest is a tail that the writer is about to cut), or what is wrong
 */
export function databaseSize(header: Buffer, fileSize: number): { bytes: number } | { why: string } {
  const is = (offset: number, length: number, expected: number) => header.readUIntBE(offset, length) === expected;
  if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") return { why: "it is no SQLite database" };
  if (!is(16, 2, PAGE_SIZE)) return { why: `its pages are not of ${PAGE_SIZE} bytes` };
  if (!is(18, 2, 0x0101)) return { why: "it is not in rollback-journal mode" };
  if (!is(20, 4, 0x00402020)) return { why: "its page layout is not the usual one" };
  if (!is(SCHEMA_FORMAT, 4, 4) || !is(56, 4, 1))
    return { why: "its schema format or text encoding is not the usual one" };
  // Three short entries: they fit the first page, so it is a leaf. That leaves no tree to walk before the schema is known.
  if (!is(FIRST_CELL, 1, 13) || !is(FIRST_CELL + 3, 2, EXPECTED_SCHEMA.length))
    return { why: "its schema is not ours" };
  const bytes = header.readUInt32BE(PAGE_COUNT) * PAGE_SIZE;
  if (bytes === 0 || bytes > fileSize || bytes > MAX_FILE_BYTES) return { why: "its header states an impossible size" };
  return { bytes };
}
