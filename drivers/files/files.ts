/**
 * Files that cross a container's wall, as bytes: those that came with a message are fetched into a folder that the
 * container reads only; those that the agent sends come over its socket into one that it does not see.
 */
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inside } from "../../protocol/layout.ts";
import { MAX_FILE_BYTES } from "../../protocol/session-socket.ts";
import { type Clock, inTime } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { FedFile, FileFolders, SessionFiles } from "../../src/sessions/files.ts";
import type { InboxRow, IncomingFile } from "../../src/store/inbox.ts";
import type { OutgoingFile } from "../../src/store/outbox.ts";
import type { Session } from "../../src/store/sessions.ts";

/** A file may take so long to fetch, milliseconds; the message waits for it. */
const FETCH_LIMIT = 60_000;
/** Messages whose files stay in a session's folder, the latest: more than its mailbox ever holds at once. */
const MESSAGES_KEPT = 300;
/** Files that a session's agent handed over, the latest. */
const SENT_KEPT = 500;
/** Longest name of a file that is kept, bytes: with what is put before and after it, every file system takes it. */
const NAME_BYTES = 200;
/** Messages whose files are not looked for again. */
const MOST_KNOWN = 1_000;

export interface FileParts {
  clock: Clock;
  random: Random;
  /** The bytes of a file that a channel named. */
  fetch(channel: string, ref: string): Promise<AsyncIterable<Uint8Array>>;
}

export class DiskFiles implements SessionFiles {
  readonly #parts: FileParts;
  /** By session and message: the files as the agent finds them, null while they are being fetched. */
  readonly #fetched = new Map<string, FedFile[] | null>();

  constructor(parts: FileParts) {
    this.#parts = parts;
  }

  of(session: Session, folder: FileFolders, row: InboxRow, ready: () => void): FedFile[] | null {
    if (row.files.length === 0) return [];
    const key = `${session.id}:${row.number}`;
    const known = this.#fetched.get(key);
    if (known !== undefined) return known;
    this.#fetched.set(key, null);
    void this.#fetchAll(folder, row).then((files) => {
      this.#fetched.set(key, files);
      const [oldest] = this.#fetched.keys();
      if (this.#fetched.size > MOST_KNOWN && oldest) this.#fetched.delete(oldest);
      ready();
    });
    return null;
  }

  async take(folder: FileFolders, name: string, bytes: AsyncIterable<Uint8Array>): Promise<string> {
    mkdirSync(folder.sentDir, { recursive: true, mode: 0o700 });
    const taken = join(folder.sentDir, `.${this.#parts.random.token(16)}`);
    // The same file has the same id: who sends it again, not knowing that it was sent, is understood.
    const id = `${await store(bytes, taken)}-${safeName(name)}`;
    await rename(taken, join(folder.sentDir, id));
    keepLatest(folder.sentDir, SENT_KEPT);
    return id;
  }

  sent(folder: FileFolders, id: string): OutgoingFile {
    const path = join(folder.sentDir, plainName(id));
    if (id === "" || plainName(id) !== id || !existsSync(path)) throw new Misuse(`there is no file ${id}`);
    return { path, name: id.slice(id.indexOf("-") + 1) };
  }

  async #fetchAll(folder: FileFolders, { number, channel, files }: InboxRow): Promise<FedFile[]> {
    const { clock } = this.#parts;
    const dir = join(folder.inDir, "attachments", String(number));
    const fetched = await Promise.all(
      files.map(async (file, index): Promise<FedFile> => {
        const stored = `${index + 1}-${safeName(file.name)}`;
        const { name, type } = file;
        try {
          mkdirSync(dir, { recursive: true, mode: 0o755 });
          await inTime(clock, FETCH_LIMIT, this.#fetchOne(channel, file, join(dir, stored)), tooLate);
          return { name, type, path: `${inside.inboundDir}/attachments/${number}/${stored}`, note: "" };
        } catch (error) {
          return { name, type, path: null, note: messageOf(error).slice(0, 500) };
        }
      }),
    );
    try {
      keepLatest(join(folder.inDir, "attachments"), MESSAGES_KEPT);
    } catch {
      // What is too much goes next time.
    }
    return fetched;
  }

  async #fetchOne(channel: string, { size, ref }: IncomingFile, path: string): Promise<void> {
    if ((size ?? 0) > MAX_FILE_BYTES) throw tooLarge();
    await store(await this.#parts.fetch(channel, ref), path);
  }
}

const tooLate = () => new Error("it could not be fetched in time");
const tooLarge = () => new Misuse(`it is larger than ${MAX_FILE_BYTES / 1e6} MB, the most that is taken`);

/** Whole or not at all. @returns what tells its content from any other */
async function store(bytes: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  let size = 0;
  const hash = createHash("sha256");
  const bounded = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(size > MAX_FILE_BYTES ? tooLarge() : null, chunk);
    },
  });
  const unfinished = `${path}.new`;
  try {
    await pipeline(Readable.from(bytes), bounded, createWriteStream(unfinished, { mode: 0o644, flush: true }));
    await rename(unfinished, path);
    return hash.digest("hex").slice(0, 32);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function keepLatest(dir: string, most: number): void {
  const byAge = readdirSync(dir)
    // What is being taken in may get its name between the two looks.
    .map((name) => ({ name, at: statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(most)) rmSync(join(dir, name), { recursive: true, force: true });
}

/** A name that is one part of a path, on every system, and not hidden. */
function plainName(name: string): string {
  return name
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}._ -]/gu, "_")
    .replace(/^[. ]+/, "");
}

/** The same, of bounded length: its end counts, where its type is. */
function safeName(name: string): string {
  let bytes = 0;
  const kept = [...plainName(name)].reverse().filter((character) => {
    bytes += Buffer.byteLength(character);
    return bytes <= NAME_BYTES;
  });
  return plainName(kept.reverse().join("")) || "file";
}
