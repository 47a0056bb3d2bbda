/**
 * What runs in the container of a hostile session: does what each line of stdin names, and answers with one line of
 * JSON: what it tried and how that ended. Bun only (libc by FFI).
 */
import * as fs from "node:fs";
import { createInterface } from "node:readline";
import { forgedJournal, hostileFiles, validMailbox } from "../../../container/probe/hostile-bytes.ts";
import { inside } from "../../../protocol/layout.ts";

interface Libc {
  fcntl(file: number, command: number, argument: number | Uint8Array): number;
  flock(file: number, operation: number): number;
  mkfifo(path: Uint8Array, mode: number): number;
}
const specifier = "bun:ffi";
const { dlopen, ptr } = await import(specifier);
const types = (...args: string[]) => ({ args, returns: "i32" });
const { symbols } = dlopen("libc.so.6", {
  fcntl: types("i32", "i32", "i64"),
  flock: types("i32", "i32"),
  mkfifo: types("ptr", "i32"),
});
const libc: Libc = {
  fcntl: (file, command, argument) =>
    symbols.fcntl(file, command, typeof argument === "number" ? argument : ptr(argument)),
  flock: symbols.flock,
  mkfifo: (path, mode) => symbols.mkfifo(ptr(path), mode),
};
const F_SETLK = 6;
const F_SETLEASE = 1024;
const READ = 0;
const WRITE = 1;
const LOCK_EXCLUSIVE_NOW = 2 | 4;

const scratch = "/tmp/scratch.db";
const files = hostileFiles(scratch);
const valid = validMailbox(scratch);
const theirs: string[] = [inside.inboundDb, `${inside.inboundDb}-journal`];
const ours: string[] = [inside.outboundDb, inside.outboundJournal];
const all = [...theirs, ...ours];
let held: number[] = [];
let churning: NodeJS.Timeout | null = null;

/** A lease that is broken by somebody's open is told by this signal, which would end the process. */
process.on("SIGIO", () => {});

const open = (path: string) => {
  const file = fs.openSync(path, ours.includes(path) ? "r+" : "r");
  held.push(file);
  return file;
};
const write = (path: string, bytes: Buffer) => {
  fs.truncateSync(path, 0);
  const file = fs.openSync(path, "r+");
  fs.writeSync(file, bytes, 0, bytes.length, 0);
  fs.closeSync(file);
};
const calm = () => {
  if (churning) clearInterval(churning);
  churning = null;
  for (const file of held) fs.closeSync(file);
  held = [];
  for (const path of ours) fs.chmodSync(path, 0o640);
  write(inside.outboundJournal, Buffer.alloc(0));
  write(inside.outboundDb, valid);
};
/** struct flock of 64-bit Linux: the whole file. */
const wholeFile = (type: number) => Uint8Array.from([type, ...Array(31).fill(0)]);

/** Each returns what was tried, and "done" or why it failed. */
const attacks: Record<string, () => Record<string, string>> = {
  calm: () => attempt({ calm }),
  locks: () =>
    attempt({
      ...each(theirs, "read lock", (path) => check(libc.fcntl(open(path), F_SETLK, wholeFile(READ)))),
      ...each(ours, "write lock", (path) => check(libc.fcntl(open(path), F_SETLK, wholeFile(WRITE)))),
      ...each(all, "flock", (path) => check(libc.flock(open(path), LOCK_EXCLUSIVE_NOW))),
    }),
  leases: () =>
    attempt({
      ...each(theirs, "read lease", (path) => check(libc.fcntl(open(path), F_SETLEASE, READ))),
      ...each(ours, "write lease", (path) => check(libc.fcntl(open(path), F_SETLEASE, WRITE))),
    }),
  swaps: () =>
    attempt({
      ...each(all, "unlink", (path) => fs.unlinkSync(path)),
      ...each(all, "rename away", (path) => fs.renameSync(path, `${path}.old`)),
      ...each(all, "rename over", (path) => fs.renameSync(scratchFile(), path)),
      ...each(all, "link in its place", (path) => fs.symlinkSync("/etc/passwd", path)),
      ...each(all, "FIFO in its place", (path) => check(libc.mkfifo(Buffer.from(`${path}\0`), 0o666))),
      ...each(all, "rename its folder", (path) => fs.renameSync(folderOf(path), `${folderOf(path)}.old`)),
      ...each(all, "file beside it", (path) => fs.writeFileSync(`${path}-wal`, "x")),
      ...each(theirs, "write", (path) => fs.writeFileSync(path, "x")),
      ...each(theirs, "change its mode", (path) => fs.chmodSync(path, 0o777)),
    }),
  "no right to read": () => attempt(each(ours, "mode 0", (path) => fs.chmodSync(path, 0))),
  truncate: () => attempt(each(ours, "truncate", (path) => fs.truncateSync(path, 0))),
  "grow to 1 GB": () => attempt(each(ours, "grow", (path) => fs.truncateSync(path, 2 ** 30))),
  exchange: () =>
    attempt({
      "journal as database": () => write(inside.outboundDb, forgedJournal(valid, "/tmp/x")),
      "database as journal": () => write(inside.outboundJournal, valid),
    }),
  churn: () =>
    attempt({
      churn: () => {
        const bytes = Object.values(files).map((file) => file.bytes);
        let turn = 0;
        churning = setInterval(() => {
          for (let count = 0; count < 5; count += 1) write(inside.outboundDb, bytes[turn++ % bytes.length] ?? valid);
        }, 1);
      },
    }),
};

function scratchFile(): string {
  fs.writeFileSync("/tmp/mine", "x");
  return "/tmp/mine";
}
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
function check(result: number): void {
  if (result !== 0) throw new Error("refused");
}
function each(paths: string[], what: string, act: (path: string) => void): Record<string, () => void> {
  return Object.fromEntries(paths.map((path) => [`${what}: ${path}`, () => act(path)]));
}
function attempt(acts: Record<string, () => void>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(acts).map(([what, act]) => {
      try {
        act();
        return [what, "done"];
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return [what, code ?? message];
      }
    }),
  );
}

function perform(line: string): Record<string, string> {
  const [, kind, rest = ""] = /^(file|forge): (.*)$/.exec(line) ?? [];
  const file = files[rest];
  if (kind === "file" && file) return attempt({ [line]: () => write(inside.outboundDb, file.bytes) });
  if (kind === "forge") return attempt({ [line]: () => write(inside.outboundJournal, forgedJournal(valid, rest)) });
  return attacks[line]?.() ?? { [line]: "unknown" };
}

const answer = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
calm();
answer({ ready: "done" });
for await (const line of createInterface({ input: process.stdin })) answer(perform(line));
