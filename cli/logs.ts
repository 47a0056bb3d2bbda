/** `ncl logs`: the host's log (JSON lines) for people. */
import { createReadStream, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { Misuse } from "../src/lib/errors.ts";
import { linesOf } from "./lines.ts";
import { moment } from "./show.ts";
import { oneLine } from "./text.ts";

const LEVELS: Record<string, number> = { debug: 20, info: 30, warn: 40, error: 50 };
const MAX_LINE = 1_000_000;
/** How far from its end a log is read, in bytes. */
const MAX_BACKLOG = 4_000_000;
/** Milliseconds between looks with --follow. */
const LOOK_EVERY = 300;

export interface LogOptions {
  follow: boolean;
  /** debug, info, warn or error. */
  level: string;
  /** How many of the last lines to start with. */
  lines: number;
}

/** @param folder where the host keeps its log */
export async function logs(folder: string, options: LogOptions): Promise<void> {
  const log = join(folder, "host.log");
  const output = join(folder, "host.out");
  // A host that failed before it could log has said why on its output.
  const file = sizeOf(log) === null && sizeOf(output) !== null ? output : log;
  const size = sizeOf(file);
  if (size === null && !options.follow) throw new Misuse("there is no log yet", "Start the host with: ./bin/ncl up");
  for (const line of await lastLines(file, options.level, options.lines)) process.stdout.write(`${line}\n`);
  if (options.follow) await follow(file, size ?? 0, options.level);
}

/** The last lines of a log at this level or above, as text. Empty where there is none. */
export async function lastLines(file: string, level: string, count: number, after = 0): Promise<string[]> {
  const size = sizeOf(file) ?? 0;
  const start = Math.max(after, size - MAX_BACKLOG);
  const lines: string[] = [];
  for await (const line of linesIn(file, start, size)) {
    const text = logLine(line, level);
    if (text !== null) lines.push(text);
    if (lines.length > count) lines.shift();
  }
  return lines;
}

async function follow(file: string, from: number, level: string): Promise<never> {
  for (let seen = from; ; await sleep(LOOK_EVERY)) {
    const size = sizeOf(file) ?? 0;
    // A new file took its place.
    if (size < seen) seen = 0;
    for await (const line of linesIn(file, seen, size)) {
      const text = logLine(line, level);
      if (text !== null) process.stdout.write(`${text}\n`);
    }
    seen = size;
  }
}

async function* linesIn(file: string, start: number, size: number): AsyncGenerator<string> {
  if (size > start) yield* linesOf(createReadStream(file, { start, end: size - 1 }), MAX_LINE);
}

/** One line of the log for people; null when it is below the level. Lines that are not JSON are shown as they are. */
export function logLine(line: string, level: string): string | null {
  const record = parsed(line);
  if (record === null) return line.trim() === "" ? null : oneLine(line);
  const { level: number, time, msg, ...rest } = record;
  const severity = typeof number === "number" ? number : 30;
  if (severity < (LEVELS[level] ?? 30)) return null;
  const name = Object.entries(LEVELS).findLast(([, least]) => severity >= least)?.[0] ?? "trace";
  const details = Object.entries(rest).map(([key, value]) => `${key}=${detail(value)}`);
  const when = typeof time === "number" ? moment(time) : "";
  const text = [when, name.padEnd(5), typeof msg === "string" ? msg : "", ...details].filter(Boolean).join(" ");
  const colour = severity >= 50 ? "red" : severity >= 40 ? "yellow" : null;
  return colour ? styleText(colour, oneLine(text)) : oneLine(text);
}

function detail(value: unknown): string {
  if (typeof value === "string") return /^[\w:/.@-]+$/.test(value) ? value : JSON.stringify(value);
  const message = typeof value === "object" && value && "message" in value ? value.message : value;
  return JSON.stringify(message);
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? null;
