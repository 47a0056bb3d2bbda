/** After a failure: offers to hand the log to a coding agent that is installed. Only ever on the person's word. */
import { which } from "./engine/facts.ts";
import type { Context, StepFailure } from "./step.ts";

const CODING_AGENTS = ["claude", "codex"];

export async function offerHandoff({ shell, questions, paths }: Context, failure: StepFailure): Promise<void> {
  if (!questions.asked) return;
  for (const name of CODING_AGENTS) {
    if (!(await which(shell, name))) continue;
    if (!(await questions.confirm(`Hand the log to ${name}, to look into it?`, false))) return;
    const prompt =
      `Setting up NanoClaw with \`bash nanoclaw.sh\` failed at the step "${failure.step}": ${failure.message} ` +
      `The log is ${shell.logFile}; the project's rules are in AGENTS.md. Find the cause, tell me, and propose the fix.`;
    await shell.hand([name, prompt], paths.root);
    return;
  }
}
