/** What a folder would show to an agent: a bounded look at a folder of the host. Never for one that a container can write. */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { anywhere, sensitive } from "./secret-places.ts";

export interface Exposure {
  files: number;
  bytes: number;
  /** Paths below the folder whose names promise a secret; the first few. */
  sensitive: string[];
  /** Sockets, pipes and devices: ways out of a box; the first few. */
  special: string[];
  /** There was more than was looked at. */
  more: boolean;
}

/** Entries and milliseconds after which the look ends. */
const MOST_ENTRIES = 50_000;
const MOST_TIME = 5_000;
const MOST_SHOWN = 20;

/** Links are not followed: inside a container they lead to nothing of the host. */
export async function exposureOf(folder: string, now: () => number): Promise<Exposure> {
  const seen: Exposure = { files: 0, bytes: 0, sensitive: [], special: [], more: false };
  const end = now() + MOST_TIME;
  let entries = 0;
  const waiting = [""];
  while (waiting.length > 0 && !seen.more) {
    const at = waiting.pop() ?? "";
    const entriesHere = await opendir(join(folder, at)).catch(() => null);
    if (!entriesHere) continue;
    for await (const entry of entriesHere) {
      entries += 1;
      if (entries > MOST_ENTRIES || now() > end) {
        seen.more = true;
        break;
      }
      const path = join(at, entry.name);
      const secret = sensitive.test(entry.name) || anywhere.includes(entry.name);
      if (secret && seen.sensitive.length < MOST_SHOWN) seen.sensitive.push(path);
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile()) {
        seen.files += 1;
        seen.bytes += await lstat(join(folder, path)).then(
          ({ size }) => size,
          () => 0,
        );
      } else if (!entry.isSymbolicLink() && seen.special.length < MOST_SHOWN) seen.special.push(path);
    }
  }
  return seen;
}
