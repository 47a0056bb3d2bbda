/**
 * Opens the bytes of a mailbox in memory and takes plain rows out of them. The bytes may be hostile: whatever they hold
 * ends in rows, refusals or a `Damaged`, except that a cyclic tree can keep SQLite busy for ever. Only a process that
 * may be killed decodes what a container wrote.
 */
import { DatabaseSync } from "node:sqlite";
import {
  EXPECTED_SCHEMA,
  MAX_BODY_BYTES,
  MAX_DEPTH,
  MAX_STATE_BYTES,
  MAX_STATE_KEY_BYTES,
  MAX_STATE_KEYS,
  MAX_VALUES,
} from "./schema.ts";

export interface Refusal {
  n: number;
  why: string;
}

export interface Decoded {
  /** Ascending by number; each body is plain JSON with the row's kind in it, otherwise unchecked. */
  rows: { n: number; body: unknown }[];
  refused: Refusal[];
  /** There may be rows after these. */
  more: boolean;
  state: Record<string, string>;
}

/** The bytes are no mailbox: not one row of them can be trusted. */
export class Damaged extends Error {
  override readonly name = "Damaged";
}

/** What a value costs whoever parses it, in bytes of plain text. */
const BYTES_PER_VALUE = 20;

const STRANGE_NUMBERS = `
  SELECT (SELECT min(n) FROM row) < 1 OR (SELECT max(n) FROM row) > ${Number.MAX_SAFE_INTEGER} AS found`;
// octet_length() is known without reading the text, so a huge row costs nothing.
const ROWS = `
  SELECT n, octet_length(body) AS size,
         CASE WHEN typeof(kind) = 'text' AND octet_length(kind) <= 50 THEN kind END AS kind,
         CASE WHEN typeof(body) = 'text' AND octet_length(body) <= ${MAX_BODY_BYTES} THEN body END AS body
  FROM row WHERE n > ? ORDER BY n LIMIT ?`;
// Without WHERE: a filter could pass over entries of a cyclic tree for ever, and never come to its limit.
const STATE = `
  SELECT CASE WHEN typeof(key) = 'text' AND octet_length(key) <= ${MAX_STATE_KEY_BYTES} THEN key END AS key,
         CASE WHEN typeof(value) = 'text' AND octet_length(value) <= ${MAX_STATE_BYTES} THEN value END AS value
  FROM state LIMIT ${MAX_STATE_KEYS}`;

/**
 * @param after rows above this number are returned
 * @param limit rows, refused ones included, that are returned at most
 * @throws Damaged
 */
export function decodeMailbox(bytes: Buffer, after: number, limit: number): Decoded {
  // Nothing longer than a body and its row can be made in memory, whatever the bytes claim.
  const db = new DatabaseSync(":memory:", { defensive: true, limits: { length: MAX_BODY_BYTES + 1000, attach: 0 } });
  try {
    db.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    db.deserialize(bytes);
    checkSchema(db);
    return { ...takeRows(db, after, limit), state: takeState(db) };
  } catch (error) {
    if (error instanceof Damaged) throw error;
    throw new Damaged(`SQLite can't read it: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    db.close();
  }
}

function checkSchema(db: DatabaseSync): void {
  const limit = EXPECTED_SCHEMA.length + 1;
  const found = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid LIMIT ?").all(limit);
  const same =
    found.length === EXPECTED_SCHEMA.length &&
    EXPECTED_SCHEMA.every((entry, index) =>
      Object.entries(entry).every(([key, value]) => found[index]?.[key] === value),
    );
  if (!same) throw new Damaged("its schema is not ours");
}

function takeRows(db: DatabaseSync, after: number, limit: number): Omit<Decoded, "state"> {
  if (db.prepare(STRANGE_NUMBERS).get()?.found === 1) throw new Damaged("a row has no positive safe integer as number");
  const rows: Decoded["rows"] = [];
  const refused: Refusal[] = [];
  let last = after;
  let cost = 0;
  for (const { n, kind, body, size } of db.prepare(ROWS).iterate(after, limit)) {
    if (typeof n !== "number" || n <= last) throw new Damaged("its rows are out of order");
    last = n;
    const parsed = parseBody(kind, body, size);
    if ("why" in parsed) {
      refused.push({ n, why: parsed.why });
      continue;
    }
    cost += parsed.cost;
    if (cost > MAX_BODY_BYTES && rows.length > 0) return { rows, refused, more: true };
    rows.push({ n, body: parsed.body });
  }
  return { rows, refused, more: rows.length + refused.length >= limit };
}

function takeState(db: DatabaseSync): Record<string, string> {
  const state: Record<string, string> = {};
  for (const { key, value } of db.prepare(STATE).iterate()) {
    if (typeof key === "string" && typeof value === "string") state[key] = value;
  }
  return state;
}

function parseBody(kind: unknown, body: unknown, size: unknown): { body: unknown; cost: number } | { why: string } {
  if (typeof kind !== "string") return { why: "its kind is no short text" };
  if (typeof body !== "string") return { why: `its body is no text, or longer than ${MAX_BODY_BYTES} bytes (${size})` };
  const { depth, values } = shapeOf(body);
  if (depth > MAX_DEPTH) return { why: `its body is nested deeper than ${MAX_DEPTH} levels` };
  if (values > MAX_VALUES) return { why: `its body has more than ${MAX_VALUES} values` };
  try {
    const value: unknown = JSON.parse(body);
    if ((value as { kind?: unknown } | null)?.kind !== kind)
      return { why: "its body states another kind than its row" };
    return { body: value, cost: body.length + values * BYTES_PER_VALUE };
  } catch {
    return { why: "its body is not JSON" };
  }
}

/** Counts brackets and commas outside of strings: a bound that holds before anything builds or walks the value. */
function shapeOf(json: string): { depth: number; values: number } {
  let level = 0;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < json.length && depth <= MAX_DEPTH && values <= MAX_VALUES; at += 1) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at);
    else if (char === "{" || char === "[") {
      level += 1;
      values += 1;
      depth = Math.max(depth, level);
    } else if (char === "}" || char === "]") level -= 1;
    else if (char === ",") values += 1;
  }
  return { depth, values };
}

/** @returns where the string that starts at `start` has its closing quote */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end > 0 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end < 0 ? json.length : end;
}

function isEscaped(json: string, at: number): boolean {
  let backslashes = 0;
  while (json[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}
