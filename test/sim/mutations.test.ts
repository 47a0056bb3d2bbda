/**
 * The simulation can fail: each patch in mutations/ breaks the host in one way, in a copy of the project, and must be
 * found out by a promise that the patch names. Only with NANOCLAW_FULL=1, but that every patch still fits is seen always.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");
const PATCHES = globSync(join(import.meta.dirname, "mutations/*.patch")).sort();
/** What the simulation is made of. */
const COPIED = [
  "api",
  "src",
  "parts",
  "drivers",
  "packages",
  "protocol",
  "container/runner",
  "test/sim",
  "package.json",
];
/** How many seeds a mutant may go undiscovered: a number, not a time, so that a busy machine gives the same verdict. */
const MOST_SEEDS = 1_500;
const FIRST_SEED = 1;

test("there are at least eight mutations, and each fits the code", () => {
  assert.ok(PATCHES.length >= 8);
  for (const patch of PATCHES) execFileSync("git", ["apply", "--check", patch], { cwd: ROOT, stdio: "pipe" });
});

for (const patch of process.env.NANOCLAW_FULL ? PATCHES : []) {
  const { why, promises, seed } = headOf(patch);
  test(`found out: ${why}`, async (t) => {
    const copy = mutated(patch);
    t.after(() => rmSync(copy, { recursive: true, force: true }));
    const begun = performance.now();
    const { code, text } = await play(copy, seed);
    const took = Math.round((performance.now() - begun) / 1000);
    t.diagnostic(`${basename(patch, ".patch")}: ${/^seed \d+/m.exec(text)?.[0] ?? "no seed"} after ${took} s`);
    assert.equal(code, 1, `not found out: ${text}`);
    const broken = /^BROKEN PROMISE: (.+)$/m.exec(text)?.[1] ?? "";
    assert.ok(promises.split(" | ").includes(broken), `another promise broke than "${promises}":\n${text}`);
  });
}

/**
 * The first line of a patch says what it breaks, the second, after `Promise: `, which promises may show it. A third,
 * `Seed: `, names a seed that once did, where few do: it is played first, and counts no more than any other.
 */
function headOf(patch: string): { why: string; promises: string; seed: string } {
  const head = /^(.+)\nPromise: (.+)\n(?:Seed: (\d+)\n)?\n/.exec(readFileSync(patch, "utf8"));
  assert.ok(head, `${basename(patch)} does not say why and which promise`);
  const [why = "", promises = "", seed = ""] = head.slice(1);
  return { why, promises, seed };
}

function mutated(patch: string): string {
  const copy = mkdtempSync(join(tmpdir(), "nanoclaw-mutant-"));
  for (const path of COPIED) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true, filter: (one) => basename(one) !== "node_modules" });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  execFileSync("git", ["apply", patch], { cwd: copy, stdio: "pipe" });
  return copy;
}

async function play(copy: string, known: string): Promise<Played> {
  const first = known ? await run(copy, ["--seeds", known]) : null;
  return first && first.code !== 0 ? first : run(copy, ["--most", String(MOST_SEEDS), "--from", String(FIRST_SEED)]);
}

interface Played {
  code: number | null;
  text: string;
}

function run(copy: string, seeds: string[]): Promise<Played> {
  const args = ["test/sim/run.ts", ...seeds, "--no-shrink"];
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
  }
  return new Promise((done) => child.once("close", (code) => done({ code, text })));
}
