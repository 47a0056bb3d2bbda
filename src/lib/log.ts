/** The host's log: JSON lines, one object an event, bounded on disk. Message texts and secrets never go in. */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import pino from "pino";

export type Log = Pick<pino.Logger, "debug" | "info" | "warn" | "error"> & {
  child(bindings: Record<string, unknown>): Log;
};

/** Size at which the log of an earlier run is put aside as `<file>.1` when the host starts. */
const ROTATE_BYTES = 10_000_000;

/** Opens the log at `file`; what an earlier run wrote is kept, at most twice ROTATE_BYTES. */
export function fileLog(file: string, level = "info"): Log {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > ROTATE_BYTES) renameSync(file, `${file}.1`);
  return pino({ level, base: null }, pino.destination({ dest: file, sync: true, mode: 0o600 }));
}

export const silentLog: Log = pino({ level: "silent" });
