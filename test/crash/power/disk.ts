/**
 * A disk as the shim's log tells it: what was written since the last sync of a file may be there in part, in any order,
 * torn at sectors; names change in order, and a sync of a file makes its own name sure. From it come the images that a
 * power loss may leave.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Op {
  what: "O" | "W" | "T" | "S" | "U" | "R" | "D";
  inode: bigint;
  offset: number;
  bytes: Buffer;
}

/** The records of a log, in order (their form is in shim.c). A last one that was cut off is left out. */
export function opsOf(log: Buffer): Op[] {
  const ops: Op[] = [];
  for (let at = 0; at + 25 <= log.length; ) {
    const length = Number(log.readBigUInt64LE(at + 17));
    const bytes = log.subarray(at + 25, at + 25 + length);
    if (bytes.length < length) break;
    const what = log.toString("latin1", at, at + 1) as Op["what"];
    ops.push({ what, inode: log.readBigUInt64LE(at + 1), offset: Number(log.readBigUInt64LE(at + 9)), bytes });
    at += 25 + length;
  }
  return ops;
}

/** A number from 0 up to, not including, 1; the same ones for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface File {
  sure: Buffer;
  pending: Op[];
}

/** `to` null: the name goes away. `from`: another name that goes away with it. */
interface NameChange {
  name: string;
  file: File | null;
  from: string | null;
}

const SECTORS = [512, 4096];

export class Disk {
  readonly #root: string;
  readonly #byInode = new Map<bigint, File>();
  readonly #sureNames = new Map<string, File>();
  readonly #names = new Map<string, File>();
  #pendingNames: NameChange[] = [];
  /** The test's remarks so far. */
  readonly marks: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  apply(op: Op): void {
    const text = () => op.bytes.toString();
    switch (op.what) {
      case "O":
        this.#open(text(), op.inode);
        return;
      case "W":
      case "T":
        this.#byInode.get(op.inode)?.pending.push(op);
        return;
      case "S":
        this.#sync(this.#byInode.get(op.inode));
        return;
      case "R": {
        const [from = "", to = ""] = text().split("\0");
        const file = this.#names.get(from);
        if (file) this.#rename({ name: to, file, from });
        return;
      }
      case "U": {
        const mark = text().split(".mark:")[1];
        if (mark !== undefined) this.marks.push(mark);
        else this.#rename({ name: text(), file: null, from: null });
        return;
      }
      case "D":
        return;
    }
  }

  #open(name: string, inode: bigint): void {
    const known = this.#names.get(name);
    if (known && this.#byInode.get(inode) === known) return;
    const file: File = { sure: Buffer.alloc(0), pending: [] };
    this.#byInode.set(inode, file);
    this.#rename({ name, file, from: null });
  }

  #rename(change: NameChange): void {
    this.#pendingNames.push(change);
    put(this.#names, change);
  }

  /** @param file undefined for a folder: all names are sure then. */
  #sync(file: File | undefined): void {
    if (file) {
      file.sure = withAll(file.sure, file.pending);
      file.pending = [];
    }
    const last = file
      ? this.#pendingNames.findLastIndex((change) => change.file === file)
      : this.#pendingNames.length - 1;
    for (const change of this.#pendingNames.splice(0, last + 1)) put(this.#sureNames, change);
  }

  /** Writes what a power loss right now may leave, below `target`. */
  writeImage(target: string, random: () => number): void {
    const names = new Map(this.#sureNames);
    const most = this.#pendingNames.length;
    for (const change of this.#pendingNames.slice(0, Math.floor(random() * (most + 1)))) put(names, change);
    for (const [name, file] of names) {
      const path = join(target, relative(this.#root, name));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, withSome(file, random));
    }
  }
}

function put(names: Map<string, File>, { name, file, from }: NameChange): void {
  if (from !== null) names.delete(from);
  if (file) names.set(name, file);
  else names.delete(name);
}

function withSome({ sure, pending }: File, random: () => number): Buffer {
  const manner = random();
  if (manner < 0.2) return sure;
  if (manner < 0.4) return withAll(sure, pending);
  if (manner < 0.6) return withAll(sure, pending.slice(0, Math.floor(random() * (pending.length + 1))));
  return withAll(
    sure,
    pending.flatMap((op) => (random() < 0.4 ? [] : random() < 0.5 ? [op] : torn(op, random))),
  );
}

/** Some sectors of a write. */
function torn(op: Op, random: () => number): Op[] {
  if (op.what !== "W") return [op];
  const size = SECTORS[random() < 0.5 ? 0 : 1] ?? 512;
  const pieces: Op[] = [];
  for (let at = 0; at < op.bytes.length; ) {
    const end = Math.min(op.bytes.length, at + size - ((op.offset + at) % size));
    if (random() < 0.5) pieces.push({ ...op, offset: op.offset + at, bytes: op.bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}

function withAll(sure: Buffer, ops: Op[]): Buffer {
  const most = ops.reduce((size, { offset, bytes }) => Math.max(size, offset + bytes.length), sure.length);
  const content = Buffer.alloc(most);
  sure.copy(content);
  let size = sure.length;
  for (const { what, offset, bytes } of ops) {
    if (what === "T") {
      content.fill(0, Math.min(offset, size), most);
      size = offset;
    } else {
      bytes.copy(content, offset);
      size = Math.max(size, offset + bytes.length);
    }
  }
  return content.subarray(0, size);
}
