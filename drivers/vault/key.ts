/**
 * The vault's key: 32 random bytes in a 0600 file outside the project and outside every mount. While it is being changed
 * the next one lies beside it; which of the two counts is told by the rows that are sealed, never by a file's date.
 */
import { hkdfSync, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";

const KEY_BYTES = 32;
const nextOf = (file: string) => `${file}.next`;

/** A key of its own for another purpose; it tells nothing of the vault's. */
export function derived(key: Buffer, purpose: string, bytes = KEY_BYTES): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", `nanoclaw ${purpose}`, bytes));
}

/** Names a key in the rows that it seals. */
export const idOf = (key: Buffer): string => derived(key, "key id", 8).toString("hex");

/**
 * The key that the rows are sealed with; made where nothing is sealed yet. A change of the key that was cut off is brought
 * to its end, or undone where the rows know nothing of it.
 * @param sealed how many rows there are, and the ids of the keys that they name
 */
export function currentKey(file: string, { rows, ids }: { rows: number; ids: string[] }): Buffer {
  const key = readKey(file);
  const next = readKey(nextOf(file));
  const sealedWith = (candidate: Buffer | null) => candidate !== null && ids.includes(idOf(candidate));
  if (next && sealedWith(next)) {
    settleKey(file);
    return next;
  }
  if (key && (sealedWith(key) || ids.length === 0)) {
    if (next) withFile(nextOf(file), "removed", (path) => rmSync(path));
    return key;
  }
  if (key) {
    throw new Misuse(
      `the vault's key ${file} does not fit: the credentials are sealed with another one (${ids.join(", ")}, this is ${idOf(key)})`,
      "Put back the key file that belongs to this database, or remove the credentials (`ncl credentials remove`) and set them again.",
    );
  }
  if (rows > 0) {
    throw new Misuse(
      `the vault's key ${file} is missing, and credentials are sealed with it`,
      "Put the key file back from a backup, or remove the credentials (`ncl credentials remove`) and set them again.",
    );
  }
  return placeKey(file);
}

/** Makes the next key, durable before anything is sealed with it. The current one stays. */
export const prepareNext = (file: string): Buffer => placeKey(nextOf(file));

/** Puts the next key in the place of the current one, which is gone then. Nothing to do where there is none. */
export function settleKey(file: string): void {
  if (readKey(nextOf(file)) === null) return;
  withFile(file, "replaced", () => {
    renameSync(nextOf(file), file);
    syncFolder(file);
  });
}

function placeKey(file: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  withFile(file, "written", () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // It gets its name when it is whole.
    writeFileSync(`${file}.new`, key, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
    syncFolder(file);
  });
  return key;
}

function readKey(file: string): Buffer | null {
  const key = withFile(file, "read", () => {
    try {
      return readFileSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  });
  if (key === null) return null;
  if (key.length !== KEY_BYTES) {
    throw new Misuse(`the vault's key ${file} is damaged (${key.length} bytes)`, "Put it back from a backup.");
  }
  withFile(file, "made private", () => chmodSync(file, 0o600));
  return key;
}

function syncFolder(file: string): void {
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

const HINTS: Record<string, string> = {
  EACCES: "Give this account access to that folder, or run the host as its owner.",
  EPERM: "Give this account access to that folder, or run the host as its owner.",
  EROFS: "Make that file system writable, or set XDG_CONFIG_HOME to a folder that is.",
  ENOSPC: "Make room on that disk.",
  EDQUOT: "Make room within this account's quota.",
  EISDIR: "Move the folder that has the key's name out of the way.",
  ENOTDIR: "Move the file that stands in the folder's place out of the way.",
};

/** What the file system refuses, told so that a person can mend it. */
function withFile<Result>(file: string, what: string, work: (file: string) => Result): Result {
  try {
    return work(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Misuse(
      `the vault's key ${file} can't be ${what} (${code})`,
      `${HINTS[code] ?? "Look at that folder."} Then try again.`,
    );
  }
}
