/**
 * A verified byte copy of a mailbox that somebody else writes. It takes no lock, follows no link, waits for nothing.
 *
 * The order of the checks is the proof. The counter is read first and last, the journal inside of that, the bytes
 * inside of both. A commit changes the database only while its journal is hot, so one that touched the bytes either
 * is still hot at one of the two looks at the journal, or began and ended between them, and then the counter differs.
 * An undone commit (a crash or full disk, then a rollback) leaves the counter as it was: the time of the last change tells.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { changeCounterOf, databaseSize, HEADER_BYTES, hasTables, MAX_FILE_BYTES } from "./schema.ts";

export interface MailboxPaths {
  db: string;
  journal: string;
}

export type Snapshot =
  | { status: "ok"; bytes: Buffer; changeCounter: number }
  /** A commit is under way, or was cut off: only the file's owner can roll it back. */
  | { status: "busy"; why: string }
  /** The writer has not made its tables yet. */
  | { status: "absent" }
  | { status: "invalid"; why: string };

/** O_NONBLOCK: else opening a FIFO, or a file under a lease, would wait for as long as its holder likes. */
const LOOK_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A journal is hot when it starts with its magic number; a zeroed or shorter header is none. */
const JOURNAL_MAGIC_BYTES = 8;

/** One try, without waiting. Never throws over what the writer did to its files. */
export function readSnapshot(dbPath: string, journalPath: string): Snapshot {
  let db = -1;
  let journal = -1;
  try {
    db = openSync(dbPath, LOOK_ONLY);
    journal = openIfThere(journalPath);
    return copy(db, journal);
  } catch (error) {
    return failed(error);
  } finally {
    if (db >= 0) closeSync(db);
    if (journal >= 0) closeSync(journal);
  }
}

/** A cheap look: the counter that rises with every commit, or null where there is no file yet. @throws what `open` throws */
export function changeCounter(dbPath: string): number | null {
  const db = openIfThere(dbPath);
  if (db < 0) return null;
  try {
    return changeCounterOf(readHeader(db));
  } finally {
    closeSync(db);
  }
}

function copy(db: number, journal: number): Snapshot {
  for (const file of journal < 0 ? [db] : [db, journal]) {
    if (!fstatSync(file).isFile()) return { status: "invalid", why: "it is not a regular file" };
  }
  const header = readHeader(db);
  const before = fstatSync(db);
  if (before.size === 0) return { status: "absent" };
  if (before.size > MAX_FILE_BYTES) {
    return { status: "invalid", why: `it has ${before.size} bytes, more than ${MAX_FILE_BYTES}` };
  }
  if (isHot(journal)) return { status: "busy", why: "its journal is hot" };

  const bytes = Buffer.allocUnsafe(before.size);
  const whole = readFully(db, bytes);

  if (isHot(journal)) return { status: "busy", why: "its journal is hot" };
  const after = fstatSync(db);
  const still = after.size === before.size && after.mtimeMs === before.mtimeMs && readHeader(db).equals(header);
  if (!whole || !still) return { status: "busy", why: "it changed during the copy" };

  if (!hasTables(header)) return { status: "absent" };
  const size = databaseSize(header, before.size);
  if ("why" in size) return { status: "invalid", why: size.why };
  return { status: "ok", bytes: bytes.subarray(0, size.bytes), changeCounter: changeCounterOf(header) };
}

function isHot(journal: number): boolean {
  if (journal < 0) return false;
  const magic = Buffer.alloc(JOURNAL_MAGIC_BYTES);
  return readFully(journal, magic) && magic.some((byte) => byte !== 0);
}

/** The header, filled with zeros where the file is shorter. */
function readHeader(db: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  readFully(db, header);
  return header;
}

/** @returns false where the file ends before the buffer is full */
function readFully(file: number, into: Buffer): boolean {
  let length = 0;
  while (length < into.length) {
    const read = readSync(file, into, length, into.length - length, length);
    if (read === 0) return false;
    length += read;
  }
  return true;
}

function openIfThere(path: string): number {
  try {
    return openSync(path, LOOK_ONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return -1;
    throw error;
  }
}

function failed(error: unknown): Snapshot {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return { status: "absent" };
  // Its writer holds a lease on it.
  if (code === "EAGAIN") return { status: "busy", why: "it could not be opened at once" };
  return { status: "invalid", why: `it could not be read: ${code ?? message}` };
}
