/**
 * Runs suites by name and adds up. The last line is always "N passed, N failed"; a suite in which no test ran has failed.
 *   node test/support/run-suites.ts [all | check unit redteam e2e attack crash sim]... [--full]
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";

const root = resolve(import.meta.dirname, "../..");

interface Count {
  passed: number;
  failed: number;
}

/** Each is one command that must end with 0 and fails by itself when it looked at nothing. */
const CHECKS: Record<string, string[]> = {
  types: ["pnpm", "exec", "tsc", "--noEmit"],
  "lint and format": ["pnpm", "exec", "biome", "check", "--error-on-warnings", "."],
  "dead code": [process.execPath, "test/support/check-deadcode.ts"],
  "import directions": [process.execPath, "test/support/check-imports.ts"],
};

interface TestSuite {
  folders: string[];
  /** Test files at once. Those with containers wait more than they work; what watches for delays runs alone. */
  concurrency: number;
  /** Milliseconds for one file, and for one test. */
  deadline: number;
  /** Names each test that passed: for suites that take so long that one wants to see them move. */
  tells: boolean;
}

const MINUTE = 60_000;
const TESTS: Record<string, TestSuite> = {
  unit: {
    folders: [
      "src",
      "parts",
      "api",
      "packages",
      "drivers",
      "protocol",
      "container",
      "cli",
      "setup",
      "practice",
      "skills",
      "scripts",
      "test/support",
    ],
    concurrency: 2,
    deadline: 3 * MINUTE,
    tells: false,
  },
  redteam: { folders: ["test/redteam"], concurrency: 2, deadline: 5 * MINUTE, tells: false },
  e2e: { folders: ["test/e2e"], concurrency: 2, deadline: 5 * MINUTE, tells: true },
  attack: { folders: ["test/attack"], concurrency: 1, deadline: 5 * MINUTE, tells: true },
  crash: { folders: ["test/crash"], concurrency: 1, deadline: 60 * MINUTE, tells: true },
  sim: { folders: ["test/sim"], concurrency: 2, deadline: 30 * MINUTE, tells: true },
};
/** Part of "all" from the day that they have a test. */
const LATER = ["crash", "sim"];

const say = (text: string) => process.stdout.write(`${text}\n`);

function testFiles({ folders }: TestSuite): string[] {
  const patterns = folders.map((folder) => `${folder}/**/*.test.ts`);
  return globSync(patterns, { cwd: root, exclude: (name) => name.includes("node_modules") }).sort();
}

function runCheck(name: string, [file = "", ...args]: string[]): Promise<boolean> {
  return new Promise((done) => {
    let output = "";
    const child = spawn(file, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk) => {
        output += chunk;
      });
    }
    child.once("error", (error) => {
      output += error.message;
    });
    child.once("close", (code) => {
      say(`  ${code === 0 ? "✓" : "✗"} ${name}`);
      if (code !== 0) say(output.trimEnd().replace(/^/gm, "    "));
      done(code === 0);
    });
  });
}

async function runChecks(): Promise<Count> {
  const count = { passed: 0, failed: 0 };
  for (const [name, command] of Object.entries(CHECKS)) {
    if (await runCheck(name, command)) count.passed += 1;
    else count.failed += 1;
  }
  return count;
}

function runTests(suite: TestSuite): Promise<Count> {
  const files = testFiles(suite).map((file) => resolve(root, file));
  const count = { passed: 0, failed: 0 };
  if (files.length === 0) return Promise.resolve(count);
  return new Promise((done, fail) => {
    run({ files, concurrency: suite.concurrency, timeout: suite.deadline, cwd: root })
      .on("test:pass", ({ name, details, skip }) => {
        if (details.type === "suite" || skip) return;
        count.passed += 1;
        if (suite.tells) say(`  ✓ ${name} (${(details.duration_ms / 1000).toFixed(1)} s)`);
      })
      .on("test:fail", ({ name, file, line, details }) => {
        // A suite fails because a test in it did, which was told and counted.
        if ("failureType" in details.error && details.error.failureType === "subtestsFailed") return;
        count.failed += 1;
        say(`  ✗ ${name}\n    ${file ?? ""}:${line ?? ""}`);
        say(inspect(details.error.cause ?? details.error).replace(/^/gm, "    "));
      })
      .on("test:stderr", ({ message }) => process.stderr.write(message))
      .once("error", fail)
      .once("end", () => done(count))
      .resume();
  });
}

async function main(words: string[]): Promise<void> {
  if (words.includes("--full")) process.env.NANOCLAW_FULL = "1";
  const all = ["check", ...Object.keys(TESTS)].filter(
    (name) => !LATER.includes(name) || testFiles(suiteOf(name)).length > 0,
  );
  const named = words.filter((word) => !word.startsWith("--"));
  const names = [...new Set(named.flatMap((name) => (name === "all" ? all : [name])))];
  if (names.length === 0) names.push(...all);
  const total = { passed: 0, failed: 0 };
  for (const name of names) {
    const began = performance.now();
    say(`${name}:`);
    const count = name === "check" ? await runChecks() : await runTests(suiteOf(name));
    if (count.passed + count.failed === 0) {
      say("  ✗ no test ran");
      count.failed = 1;
    }
    say(`  ${count.passed} passed, ${count.failed} failed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    total.passed += count.passed;
    total.failed += count.failed;
  }
  say(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function suiteOf(name: string): TestSuite {
  const suite = TESTS[name];
  if (!suite) throw new Error(`there is no suite "${name}"; there are check, ${Object.keys(TESTS).join(", ")}`);
  return suite;
}

await main(process.argv.slice(2));
