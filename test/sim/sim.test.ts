/** The simulation as a suite: seeds that once failed, fresh seeds for a time, and the proof that a seed replays exactly. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { MET, type Met } from "./base/tally.ts";
import { ONCE_FAILED } from "./seeds.ts";

/** How many seeds every run plays, the same each time. */
const SEEDS = 200;
/** Met too seldom to be asked of these: once in 75 seeds of one series, never in seeds 1 to 200. */
const SELDOM: string[] = ["a runner was cut off in a commit"] satisfies Met[];
/** How long fresh seeds are played, in seconds, on each of so many processors. */
const SECONDS = process.env.NANOCLAW_FULL ? 600 : 20;
const PROCESSES = 2;
const RUN = join(import.meta.dirname, "run.ts");

test("a seed replays exactly, also in another process", async () => {
  for (const seed of ["1", "20", "73"]) {
    const [first, second] = await Promise.all([play("--seed", seed), play("--seed", seed)]);
    assert.match(first.text, /^seed \d+: [0-9a-f]{16} after \d{2,} steps$/m);
    assert.equal(first.text, second.text);
  }
});

test("seeds that once failed keep every promise", async () => {
  const { code, text } = await play("--seeds", Object.keys(ONCE_FAILED).join(","));
  assert.equal(code, 0, text);
});

test("the first seeds keep every promise, and meet every fault that the simulation knows", async () => {
  const halves = [0, 1].map((half) => Array.from({ length: SEEDS / 2 }, (_, i) => 1 + 2 * i + half).join(","));
  const met = new Map<string, number>(MET.map((what) => [what, 0]));
  for (const { code, text } of await Promise.all(halves.map((seeds) => play("--seeds", seeds, "--tally")))) {
    assert.equal(code, 0, text);
    for (const [, times, what = ""] of text.matchAll(/^ *(\d+) (.+)$/gm))
      if (met.has(what)) met.set(what, (met.get(what) ?? 0) + Number(times));
  }
  const missed = [...met].filter(([what, times]) => times === 0 && !SELDOM.includes(what));
  assert.deepEqual(missed, []);
});

test("agents with one conversation over all their chats keep every promise, too", async () => {
  const runs = await Promise.all(
    [1, 2].map((from) => play("--everywhere", "--most", "30", "--step", "2", "--from", `${from}`)),
  );
  for (const { code, text } of runs) {
    assert.equal(code, 0, text);
    assert.match(text, /^30 seeds played$/m);
  }
});

// In the full run only, until ten minutes of them have found nothing: they still find a fault in some hundred (docs/roadmap.md).
test(`fresh seeds keep every promise, for ${SECONDS} s`, { skip: !process.env.NANOCLAW_FULL }, async () => {
  const first = Date.now();
  const runs = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) =>
      play("--seconds", String(SECONDS), "--from", String(first + index), "--step", String(PROCESSES)),
    ),
  );
  for (const { code, text } of runs) {
    assert.equal(code, 0, text);
    assert.match(text, /^[1-9]\d* seeds/m);
  }
});

function play(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child: ChildProcess = spawn(process.execPath, [RUN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, text })));
}
