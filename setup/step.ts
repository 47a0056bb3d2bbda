/** What a step of the set-up is, and the loop that runs them. A step that is done is passed over, so a run resumes where the last one ended. */
import type { ControlClient } from "../cli/client.ts";
import { messageOf } from "../src/lib/errors.ts";
import type { Paths } from "../src/lib/paths.ts";
import type { Progress } from "./progress.ts";
import type { Questions } from "./questions.ts";
import type { Shell } from "./shell.ts";

export interface Context {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  /** Where the person's credential is to be read from, or null to look in the environment and ask. */
  credentialFile: string | null;
  shell: Shell;
  questions: Questions;
  control: ControlClient;
}

export type Report = Pick<Progress, "activity" | "passing">;

export interface Step {
  readonly name: string;
  /** What is still to do, in words; null when nothing is. */
  todo(context: Context): Promise<string | null>;
  /**
   * Does it, and tells `report` what it is at.
   * @returns what came of it, in one line
   * @throws an error with a `hint`: the next thing for the person to do
   */
  run(context: Context, report: Report): Promise<string>;
}

export interface StepResult {
  step: string;
  outcome: "done" | "nothing to do";
  detail: string;
  seconds: number;
}

/** Why the set-up ended early: which step, what happened, what to do now. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  readonly step: string;
  readonly next: string;
  constructor(step: string, cause: unknown) {
    super(messageOf(cause));
    this.step = step;
    this.next =
      cause instanceof Error && "hint" in cause && typeof cause.hint === "string" && cause.hint !== ""
        ? cause.hint
        : "Look at the end of the log, then run `bash nanoclaw.sh` again: it goes on where it stopped.";
  }
}

/** @param now milliseconds; for the times shown
 * @throws StepFailure at the first step that fails */
export async function runSteps(
  steps: readonly Step[],
  context: Context,
  progress: Progress,
  { from = 1, of = steps.length, now = () => performance.now() } = {},
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    const began = now();
    progress.begin(`[${from + index}/${of}] ${step.name}`);
    try {
      const todo = await step.todo(context);
      if (todo !== null) progress.activity(todo);
      const detail = todo === null ? "" : await step.run(context, progress);
      const outcome = todo === null ? "nothing to do" : "done";
      results.push({ step: step.name, outcome, detail, seconds: Math.round(now() - began) / 1000 });
      progress.end(true, detail || outcome);
    } catch (error) {
      progress.end(false, messageOf(error));
      throw new StepFailure(step.name, error);
    }
  }
  return results;
}
