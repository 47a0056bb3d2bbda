import assert from "node:assert/strict";
import { test } from "node:test";
import { Misuse } from "../src/lib/errors.ts";
import { elapsed, progressOn } from "./progress.ts";
import { runSteps, type Step, StepFailure } from "./step.ts";
import { standInHost } from "./testing/stand-in-host.ts";

function output() {
  const written: string[] = [];
  return {
    written,
    progress: progressOn({ write: (text: string) => written.push(text.replace(/\(.*s\)/, "(time)")) }),
  };
}

const step = (name: string, todo: string | null, run: Step["run"] = async () => "did it"): Step => ({
  name,
  todo: async () => todo,
  run,
});

test("a step that is done is passed over, the next one runs", async (t) => {
  const { context } = await standInHost(t, {});
  const { written, progress } = output();
  const results = await runSteps([step("first", null), step("second", "working")], context, progress);
  assert.deepEqual(
    results.map(({ step, outcome }) => `${step}: ${outcome}`),
    ["first: nothing to do", "second: done"],
  );
  assert.deepEqual(written, [
    "[1/2] first: nothing to do (time)\n",
    "[2/2] second: working\n",
    "[2/2] second: did it (time)\n",
  ]);
});

test("a failure names its step, its cause and what to do, and ends the run", async (t) => {
  const { context } = await standInHost(t, {});
  const fails = step("engine", "starting", async () => {
    throw new Misuse("no engine", "Install one.");
  });
  const { written, progress } = output();
  await assert.rejects(runSteps([fails, step("never", "x")], context, progress), (error) => {
    assert.ok(error instanceof StepFailure);
    assert.deepEqual([error.step, error.message, error.next], ["engine", "no engine", "Install one."]);
    return true;
  });
  assert.deepEqual(written.at(-1), "[1/2] engine: FAILED: no engine (time)\n");
});

test("an error without advice still says what to do", () => {
  assert.match(new StepFailure("image", new Error("boom")).next, /bash nanoclaw\.sh/);
});

test("times are for people", () => {
  assert.deepEqual([elapsed(420), elapsed(12_400), elapsed(65_000)], ["0.4 s", "12 s", "1 min 5 s"]);
});
