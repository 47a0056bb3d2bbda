/**
 * The program of a reader process: takes one request after the other and answers each with plain JSON. It holds no
 * secret, no environment to speak of, may read nothing but the sessions' directory, and is killed when it takes too long.
 * It waits in a blocking read, so it ends with its host. Arguments: uid and gid to become, or nothing.
 */
import { readSync, writeSync } from "node:fs";
import { type BodySchema, readMailbox } from "../../protocol/mailbox/read.ts";
import { MAX_ROWS_PER_READ } from "../../protocol/mailbox/schema.ts";
import { frameOf, LENGTH_BYTES, MAX_FRAME_BYTES, READY, type ReadRequest } from "./frame.ts";

const STDIN = 0;
const STDOUT = 1;
/** Looks at a file that is being written, half a millisecond apart. */
const ATTEMPTS = 12;
/** After this much processor time a reader makes room for a fresh one. Its limit, far above, is for one that lost its host. */
const RETIRE_AFTER_CPU_MS = 20_000;
/** Reads between two collections of garbage: copies of mailboxes lie outside of the heap, where V8 hardly sees them. */
const READS_PER_COLLECTION = 200;

/** The host checks the bodies: the schemas would double the memory of this process. */
const anyBody: BodySchema<unknown> = { safeParse: (value) => ({ success: true, data: value }) };

function main(): void {
  becomeUser(process.argv[1], process.argv[2]);
  write(READY);
  for (let text = readFrame(), reads = 1; text !== null; text = readFrame(), reads += 1) {
    const { db, journal, after }: ReadRequest = JSON.parse(text);
    const options = { after, limit: MAX_ROWS_PER_READ, schema: anyBody, attempts: ATTEMPTS };
    write(readMailbox({ db, journal }, options));
    if (reads % READS_PER_COLLECTION === 0) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    if ((user + system) / 1000 > RETIRE_AFTER_CPU_MS) return;
  }
}

/** Gives up root for good. The code is loaded and the directory entered by now, so no path needs to be open to that user. */
function becomeUser(uid: string | undefined, gid: string | undefined): void {
  if (uid === undefined || gid === undefined) return;
  process.setgroups?.([]);
  process.setgid?.(Number(gid));
  process.setuid?.(Number(uid));
}

function readFrame(): string | null {
  const length = readBytes(LENGTH_BYTES)?.readUInt32LE();
  if (length === undefined) return null;
  return readBytes(length)?.toString() ?? null;
}

/** @returns null when the host is gone */
function readBytes(length: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(length);
  let have = 0;
  while (have < length) {
    const read = readSync(STDIN, bytes, have, length - have, null);
    if (read === 0) return null;
    have += read;
  }
  return bytes;
}

function write(answer: unknown): void {
  let frame = frameOf(JSON.stringify(answer));
  if (frame.length > MAX_FRAME_BYTES) {
    frame = frameOf(JSON.stringify({ status: "invalid", why: "its rows and state are too large together" }));
  }
  let written = 0;
  while (written < frame.length) written += writeSync(STDOUT, frame, written);
}

main();
