/**
 * The same attacks in earnest: the agent SDK in a container, the door, the delivery, and a network outside (real/). Each source
 * once with some way out; with NANOCLAW_FULL=1 each with a dozen, and the attacks that differ in time and place.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Played } from "./real/play.ts";

const FULL = process.env.NANOCLAW_FULL === "1";
const root = process.getuid?.() === 0;

test("attacks on a real host succeed without the guard, and none has an effect with it", {
  skip: !root && "it needs root for a network of its own",
  timeout: FULL ? 30 * 60_000 : 4 * 60_000,
}, async () => {
  const play = join(import.meta.dirname, "real/play.ts");
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["--net", "--mount", process.execPath, play, ...(FULL ? ["--all"] : [])],
    { maxBuffer: 10_000_000 },
  );
  const played = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Played);
  const open = played.filter(({ guarded }) => !guarded);
  const held = played.filter(({ guarded }) => guarded);
  assert.ok(open.length >= (FULL ? 100 : 8) && held.length === open.length, `${played.length} were played`);
  assert.deepEqual(
    open.filter(({ arrived, pieces }) => arrived < pieces).map(({ name, heard }) => ({ name, heard })),
    [],
    "without the guard these do not even succeed: they prove nothing",
  );
  assert.deepEqual(
    held.filter(({ arrived }) => arrived > 0).map(({ name }) => name),
    [],
    "these got out",
  );
  console.log(`red team on a real host: ${held.length} of ${held.length} attacks held`);
});
