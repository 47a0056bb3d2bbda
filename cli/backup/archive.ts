/** What a backup is made of, and the system's `tar` that packs and unpacks it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Misuse } from "../../src/lib/errors.ts";

export const FORMAT = 1;
export const MANIFEST = "manifest.json";
export const DATABASE = "v2.db";
export const KEYS = "keys";
export const SESSIONS = "sessions";
export const GROUPS = "groups";

export interface Manifest {
  format: number;
  version: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** SHA-256 of the database, as hex. */
  database: string;
  /** Whether the keys of the vault, the door and the audit log are in it. */
  keys: boolean;
}

/** @param from each with what goes in, by its path below that folder; a folder goes in whole */
export async function pack(file: string, scratch: string, from: { dir: string; paths: string[] }[]): Promise<void> {
  const places = from.flatMap(({ dir, paths }, index) => {
    const list = join(scratch, `list-${index}`);
    writeFileSync(list, paths.map((path) => `${path}\n`).join(""));
    return ["-C", dir, "-T", list];
  });
  // A file that changes while it is read is as it was at some moment; GNU tar says so with 1.
  await tar(["-czf", file, ...places], [0, 1]);
}

export async function unpack(file: string, into: string): Promise<void> {
  await tar(["-xzf", file, "-C", into], [0]);
}

async function tar(words: string[], good: number[]): Promise<void> {
  const child = spawn("tar", words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    said = (said + piece).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", () => reject(new Misuse("the program tar is not there", "Install it and try again.")));
    child.once("close", resolve);
  });
  if (code === null || !good.includes(code))
    throw new Misuse(
      `tar ended with code ${code}: ${said.trim().split("\n").at(-1)}`,
      "Look at the file and at the disk's room.",
    );
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
