/**
 * The suite can fail: each patch in mutations/ breaks one thing in a copy of the project, and must be found out by the
 * promise that it names: with NANOCLAW_FULL=1; else only that each still fits the code is checked. What a second line of
 * defence hides from a killed host is left to the simulation: a message sent without a durable intent (the channels here
 * remember keys, or files).
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { InsidePlan } from "./inside/hook.ts";
import type { Target } from "./points.ts";
import { promises } from "./promises.ts";
import { endedAlone, firstRun, frozenStop, lifeUpTo } from "./scenario.ts";
import { trial } from "./trial.ts";
import { ROOT, type World, type WorldOptions } from "./world.ts";

const AT_ONCE = 3;
/** With NANOCLAW_MUTATION only those whose name has that in it are tried. */
const wanted = process.env.NANOCLAW_MUTATION ?? "";
const PATCHES = globSync(join(import.meta.dirname, "mutations/*.patch")).sort();
/** Large, or this installation's own. */
const NOT_COPIED = ["node_modules", ".git", ".tools", "data", "groups"];
/** Milliseconds that a mutant gets, once what shows it has happened, for what it does not do any more. */
const PATIENCE = 20_000;

interface Mutation {
  why: string;
  /** Any of which may show it. */
  broken: string[];
  options: WorldOptions;
  play: ((world: World) => Promise<void>) | undefined;
}

/** Shorter lives than the whole scenario, by the name that a patch gives. */
const PLAYS: Record<string, (world: World) => Promise<void>> = {
  "first run": async (world) => void (await firstRun(world)),
  "second run": (world) => lifeUpTo(1, world),
  "frozen stop": frozenStop,
  "ended alone": endedAlone,
};

/** What stands before the patch itself: why, then `Promise:`, then where to kill what. */
function headOf(patch: string): Mutation {
  const [head = ""] = patch.split("\n--- ");
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, "m").exec(head)?.[1];
  const [death, inside] = [field("Death"), field("Inside")];
  const named = (field("Promise") ?? "").split(" | ");
  const target = death && death !== "none" ? (JSON.parse(death) as Target) : undefined;
  const early = target?.run === 0 || inside !== undefined;
  for (const promise of named)
    assert.ok((Object.values(promises) as string[]).includes(promise), `no such promise: "${promise}"`);
  return {
    why: head.split("\n")[0] ?? "",
    broken: named,
    options: {
      ...(target && { target }),
      ...(inside && { inside: JSON.parse(inside) as InsidePlan }),
    },
    play: PLAYS[field("Play") ?? (early ? "first run" : "second run")],
  };
}

/** Makes `copy` a copy of the project with the patch, readable by containers. */
function mutate(copy: string, patch: string): void {
  chmodSync(copy, 0o755);
  for (const name of readdirSync(ROOT).filter((name) => !NOT_COPIED.includes(name))) {
    cpSync(join(ROOT, name), join(copy, name), {
      recursive: true,
      filter: (path) => basename(path) !== "node_modules",
    });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  applyTo(copy, patch);
}

function applyTo(root: string, patch: string, ...flags: string[]): void {
  try {
    execFileSync("git", ["apply", "-C1", ...flags, patch], { cwd: root, stdio: "pipe", encoding: "utf8" });
  } catch (error) {
    const why = (error as { stderr: string }).stderr;
    throw new Error(`${basename(patch)} does not fit the code any more; make it anew: ${why}`);
  }
}

test("each mutation still fits the code", () => {
  assert.ok(PATCHES.length >= 8);
  for (const patch of PATCHES) {
    headOf(readFileSync(patch, "utf8"));
    applyTo(ROOT, patch, "--check");
  }
});

test("eight mutations and more are held against both suites, among them those that nobody may ever make", () => {
  const shown = globSync(join(import.meta.dirname, "../sim/mutations/*.patch")).map((path) => basename(path, ".patch"));
  const both = PATCHES.map((path) => basename(path, ".patch")).filter((name) => shown.includes(name));
  assert.ok(both.length >= 8, both.join(", "));
  for (const name of [
    "acknowledge-before-commit",
    "drop-idempotency-key",
    "swallow-unknown",
    "task-claimed-after-run",
    "not-only-heads",
  ])
    assert.ok(both.includes(name), name);
});

const full = process.env.NANOCLAW_FULL === "1";

test("each mutation is found out by the promise that it breaks", {
  concurrency: AT_ONCE,
  skip: !full && "only with --full",
}, async (t) => {
  await Promise.all(
    PATCHES.filter((patch) => basename(patch).includes(wanted)).map((patch) => {
      const { why, broken: named, options, play } = headOf(readFileSync(patch, "utf8"));
      return t.test(`${basename(patch, ".patch")}: ${why}`, async () => {
        const root = mkdtempSync(join(tmpdir(), "nc-mutant-"));
        try {
          mutate(root, patch);
          const { broken, log, struck } = await trial({ ...options, root }, play, null, PATIENCE);
          assert.ok(
            broken.some((line) => named.some((promise) => line.startsWith(`${promise}: `))),
            `"${named.join(" | ")}" was not found broken${options.target && !struck ? ", for the host did not die there" : ""}, but only:\n${broken.join("\n")}\n${log}`,
          );
        } finally {
          rmSync(root, { recursive: true });
        }
      });
    }),
  );
});
