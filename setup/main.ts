/** What nanoclaw.sh hands over to: the set-up, the tests, or one of the project's scripts. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ControlClient } from "../cli/client.ts";
import { skillsIn } from "../cli/skills/catalog.ts";
import { withoutCredentials } from "../cli/skills/credentials.ts";
import { messageOf } from "../src/lib/errors.ts";
import { pathsOf } from "../src/lib/paths.ts";
import { askOnce } from "./conversation.ts";
import { offerHandoff } from "./handoff.ts";
import { progressOn } from "./progress.ts";
import { defaults, terminal } from "./questions.ts";
import { Shell } from "./shell.ts";
import { type Context, runSteps, type Step, StepFailure } from "./step.ts";
import { channel } from "./steps/channel.ts";
import { credential, SECRET_VARIABLES } from "./steps/credential.ts";
import { dependencies } from "./steps/dependencies.ts";
import { engine } from "./steps/engine.ts";
import { firstAgent } from "./steps/first-agent.ts";
import { image } from "./steps/image.ts";
import { service } from "./steps/service.ts";
import { ANSWER_DEADLINE, welcome } from "./steps/welcome.ts";
import { runTests } from "./tests.ts";

const STEPS: Step[] = [
  dependencies("added"),
  engine({ gvisor: false }),
  image,
  service,
  credential,
  firstAgent,
  channel,
  welcome,
];

interface Options {
  yes: boolean;
  /** Ends with a summary as JSON on standard output; all else goes to standard error. */
  json: boolean;
  credentialFile: string | null;
}

function contextOf(options: Options): { context: Context; progress: ReturnType<typeof progressOn> } {
  const paths = pathsOf();
  const progress = progressOn(options.json ? process.stderr : process.stdout);
  // Credentials are for the host alone: nothing that the set-up starts inherits one.
  const inherited = skillsIn(paths.root).reduce(
    (env, { name }) => withoutCredentials(env, name),
    Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRET_VARIABLES.includes(name))),
  );
  const asks = process.stdin.isTTY && process.stdout.isTTY && !options.yes;
  const context: Context = {
    paths,
    env: process.env,
    credentialFile: options.credentialFile,
    shell: new Shell(paths.logs, inherited, () => progress.pause()),
    questions: asks ? terminal(progress) : defaults,
    control: new ControlClient(paths.controlSocket),
  };
  return { context, progress };
}

/** @returns the exit code */
async function setUp(options: Options): Promise<number> {
  const { context, progress } = contextOf(options);
  const tell = (summary: object) => options.json && process.stdout.write(`${JSON.stringify(summary)}\n`);
  try {
    const steps = await runSteps(STEPS, context, progress);
    if (process.stdin.isTTY && !options.json) {
      return await context.shell.hand([join(context.paths.root, "bin/ncl"), "chat"], context.paths.root);
    }
    const reply = await speak(context);
    tell({ ok: true, steps, reply });
    if (!options.json) process.stdout.write(`\nyou: hello\nagent: ${reply}\n`);
    return 0;
  } catch (error) {
    const failure = error instanceof StepFailure ? error : new StepFailure("set-up", error);
    context.shell.log(`FAILED at ${failure.step}: ${failure.message}`);
    tell({ ok: false, step: failure.step, cause: failure.message, next: failure.next });
    process.stderr.write(
      `\nnanoclaw: ${failure.step}: ${failure.message}\nNext: ${failure.next}\nLog: ${context.shell.logFile}\n`,
    );
    await offerHandoff(context, failure);
    return 1;
  }
}

async function speak({ control }: Context): Promise<string> {
  try {
    return await askOnce(control, "hello", randomUUID(), ANSWER_DEADLINE);
  } catch (error) {
    throw new StepFailure("chat", error);
  }
}

async function runScript(script: string[]): Promise<number> {
  const { context, progress } = contextOf({ yes: true, json: true, credentialFile: null });
  const packages = dependencies("all");
  if ((await packages.todo(context)) !== null) await runSteps([packages], context, progress);
  return context.shell.hand(["pnpm", "run", ...script], context.paths.root);
}

async function main(argv: string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (command === "run") return runScript(rest);
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      yes: { type: "boolean", short: "y", default: false },
      json: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      "credential-file": { type: "string" },
    },
  });
  const options = { yes: values.yes, json: values.json, credentialFile: values["credential-file"] ?? null };
  const [word, ...more] = positionals;
  if (word === "test" && more.length === 0) {
    const { context, progress } = contextOf({ ...options, yes: true, credentialFile: null });
    return runTests(context, progress, values.full);
  }
  if (word !== undefined) throw new Error(`unknown command "${positionals.join(" ")}"`);
  return setUp(options);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`nanoclaw: ${messageOf(error)}\nNext: bash nanoclaw.sh help\n`);
  process.exitCode = error instanceof StepFailure ? 1 : 2;
}
