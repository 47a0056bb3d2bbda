/** How much an agent's workspace may hold, and what follows from what it was found to hold. Pure. */

export interface Size {
  bytes: number;
  /** Files and folders. */
  files: number;
}

/** What a look into a workspace came to. */
export interface Found extends Size {
  /** Folders that their own user can't look into, so that what they hold is not counted. */
  hidden: number;
}

/** For an agent of which nothing else was said: room for large trees of packages, not for filling a disk. */
export const USUAL: Size = { bytes: 10e9, files: 1_000_000 };

/** Above its limit an agent may run so that it can clear up; by this share of the limit it may grow doing that. */
const TO_CLEAR_UP = 1 / 16;

export type Reached = "bytes" | "files" | "hidden";

/**
 * `room`: all is well. `over`: just found above its limit, what runs is stopped. `clearing`: still above it, but not
 * above what it may hold to clear up, so it may run. `full`: above that too; nothing starts before somebody makes room.
 */
export type Verdict =
  | { state: "room"; left: Size }
  | { state: "over"; reached: Reached; most: Size }
  | { state: "clearing"; reached: Reached; most: Size; left: Size }
  | { state: "full"; reached: Reached; most: Size };

/** @param most what it may hold at most to clear up, from when it was first found above its limit; null where it was not */
export function judge(limit: Size, found: Found, most: Size | null): Verdict {
  const reached = isReached(limit, found);
  if (reached === null) return { state: "room", left: minus(limit, found) };
  if (most === null) return { state: "over", reached, most: toClearUp(limit, found) };
  // What can't be seen can't be said to shrink.
  if (reached === "hidden" || isReached(most, found) !== null) return { state: "full", reached, most };
  return { state: "clearing", reached, most, left: minus(most, found) };
}

function isReached(limit: Size, { bytes, files, hidden }: Found): Reached | null {
  if (hidden > 0) return "hidden";
  if (bytes > limit.bytes) return "bytes";
  return files > limit.files ? "files" : null;
}

function toClearUp(limit: Size, found: Size): Size {
  const most = (key: keyof Size) => Math.ceil(Math.max(limit[key], found[key]) + limit[key] * TO_CLEAR_UP);
  return { bytes: most("bytes"), files: most("files") };
}

const minus = (one: Size, other: Size): Size => ({ bytes: one.bytes - other.bytes, files: one.files - other.files });

/** Between two looks into the same workspace, milliseconds. */
const PAUSE = 5_000;
/** A workspace that nobody has looked into since the host was started is left alone for so long, to be out of a start's way. */
const FIRST = 20_000;
/** While it is worked there, somebody else may free what is taken: it is looked into this often whatever the disk says. */
const ANYWAY = 5 * 60_000;
/** Less than this is the machine's usual coming and going. */
const NOTHING: Size = { bytes: 4e6, files: 500 };

export interface Watched {
  /** When it was last looked into, or, before that, when the first container came. */
  since: number;
  /** What the file system had free then; `files` is 0 where that does not count them. */
  free: Size;
  /** What it might grow by from then; null where it was not looked into yet. */
  left: Size | null;
}

/**
 * Whether it is time to look into a workspace. Asking the disk what is free costs nothing, looking into a workspace a container: as
 * long as the disk has not lost half of what the workspace might grow by, it can't be full.
 */
export function isDue({ since, free, left }: Watched, now: Size, at: number, works: boolean, limit: Size): boolean {
  const waited = at - since;
  if (waited < PAUSE) return false;
  const room = left ?? limit;
  const taken = (key: keyof Size) =>
    !(key === "files" && free.files === 0) && free[key] - now[key] >= Math.max(room[key] / 2, NOTHING[key]);
  if (taken("bytes") || taken("files")) return true;
  return works && waited >= (left === null ? FIRST : ANYWAY);
}
