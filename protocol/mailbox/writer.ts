/**
 * The one writer of a mailbox file. Only the file's owner makes one, guarded elsewhere by a lock of its own: a host by
 * its data folder's, a runner by being the only one in its container. Opening rolls back what an earlier process left half done.
 *
 * It takes no lock that the other side could hold, and opens no file after `open`: SQLite's exclusive mode keeps the
 * journal's descriptor, where the normal mode opens the journal by name in every commit and would wait for a lease on it.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { CREATE, MAX_BODY_BYTES, MAX_FILE_BYTES, PAGE_SIZE } from "./schema.ts";

export interface MailboxChange {
  /** A number that is there already gets the new body. */
  put?: { n: number; body: { kind: string } }[];
  /** Happens before the puts of the same change. */
  remove?: { upTo: number } | { numbers: number[] };
  /** null takes the key away. */
  state?: Record<string, string | null>;
}

/** Free pages are kept for the next rows up to this many; beyond it the file shrinks, for every reader copies it whole. */
const MOST_FREE_PAGES = 16;

/** In exclusive mode SQLite moves its change counter only when it writes page 1: this makes every commit write it. */
const COMMIT = "PRAGMA user_version = 1; COMMIT";

export class MailboxWriter {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #removeOne: StatementSync;
  readonly #removeUpTo: StatementSync;
  readonly #putState: StatementSync;
  readonly #removeState: StatementSync;

  private constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.#db = db;
    this.#put = db.prepare(
      `INSERT INTO row VALUES (?, ?, ?)
       ON CONFLICT (n) DO UPDATE SET kind = excluded.kind, body = excluded.body WHERE body <> excluded.body`,
    );
    this.#removeOne = db.prepare("DELETE FROM row WHERE n = ?");
    this.#removeUpTo = db.prepare("DELETE FROM row WHERE n <= ?");
    this.#putState = db.prepare(
      "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
    this.#removeState = db.prepare("DELETE FROM state WHERE key = ?");
  }

  /**
   * Opens the mailbox at `path`, or makes it, and rolls back a commit that was cut off.
   * @throws an Error where a file is held by a lease of the other side (it never waits for that), is no regular file,
   *   or is damaged
   */
  static open(path: string): MailboxWriter {
    const files = [path, `${path}-journal`];
    const held: number[] = [];
    try {
      // While these are open for writing nobody can get a lease, so SQLite's own opening can't be made to wait.
      for (const file of files) held.push(openOwn(file));
      return new MailboxWriter(path, openDatabase(path));
    } finally {
      for (const descriptor of held) closeSync(descriptor);
    }
  }

  /**
   * One durable transaction; returns after it is on the disk (about half a millisecond, four syncs).
   * @throws RangeError for a body above MAX_BODY_BYTES; an Error where the file is full or the disk refuses: nothing of
   *   the change is there then, and the writer goes on working.
   */
  commit(change: MailboxChange): void {
    const puts = (change.put ?? []).map(({ n, body }) => ({ n, kind: body.kind, text: encode(n, body) }));
    try {
      this.#db.exec("BEGIN");
      this.#remove(change.remove);
      for (const { n, kind, text } of puts) this.#put.run(n, kind, text);
      for (const [key, value] of Object.entries(change.state ?? {})) {
        if (value === null) this.#removeState.run(key);
        else this.#putState.run(key, value);
      }
      this.#db.exec(COMMIT);
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.#path}: nothing was written: ${why}`, { cause: error });
    }
  }

  /** The highest number that the file holds, 0 when it is empty. Rows that were removed don't count. */
  lastNumber(): number {
    return Number(this.#db.prepare("SELECT max(n) AS n FROM row").get()?.n ?? 0);
  }

  close(): void {
    this.#db.close();
  }

  #remove(remove: MailboxChange["remove"]): void {
    if (!remove) return;
    if ("upTo" in remove) this.#removeUpTo.run(remove.upTo);
    else for (const n of remove.numbers) this.#removeOne.run(n);
    const free = Number(this.#db.prepare("PRAGMA freelist_count").get()?.freelist_count ?? 0);
    if (free > MOST_FREE_PAGES) this.#db.exec("PRAGMA incremental_vacuum");
  }
}

function encode(n: number, body: { kind: string }): string {
  const text = JSON.stringify(body);
  const size = Buffer.byteLength(text);
  if (size > MAX_BODY_BYTES)
    throw new RangeError(`row ${n} has ${size} bytes, more than ${MAX_BODY_BYTES}: shorten it`);
  return text;
}

/** Opens a file of ours without ever waiting. */
function openOwn(path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    throw new Error(`${path} is held by a lease: end the container that holds it and try again`, { cause: error });
  }
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new Error(`${path} is no regular file: move it away`);
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(`${pathToFileURL(path).href}?nolock=1`);
  try {
    // Exclusive comes first: without it a rollback would end by deleting the journal, which a mounted file refuses.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec(`PRAGMA page_size = ${PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA trusted_schema = OFF`);
    db.exec("PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL");
    // No page may reach the file before the commit: what a reader is told by the counter rests on it.
    db.exec("PRAGMA cache_spill = OFF");
    db.exec(`PRAGMA max_page_count = ${MAX_FILE_BYTES / PAGE_SIZE}`);
    db.exec("BEGIN");
    for (const statement of CREATE) db.exec(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"));
    // It writes, so the journal is open from here on.
    db.exec(COMMIT);
    return db;
  } catch (error) {
    db.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${path} can't be opened as a mailbox: ${why}`, { cause: error });
  }
}
