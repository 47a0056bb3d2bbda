/** `claw "prompt"`: asks an agent once. The answer goes to standard output, all else to standard error. */
import { text as readAll } from "node:stream/consumers";
import { Command, InvalidArgumentError } from "commander";
import { pathsOf } from "../src/lib/paths.ts";
import { ask } from "./chat/ask.ts";
import { ControlClient, type Trace } from "./client.ts";
import { EXIT_CODES, exit, Leave, outcomeOf, runCommand, Usage } from "./outcome.ts";
import { show } from "./show.ts";
import { oneLine, plain } from "./text.ts";

interface Options {
  group?: string;
  session?: string;
  runtime?: string;
  pipe?: boolean;
  listGroups?: boolean;
  timeout: number;
  verbose?: boolean;
}

const command = new Command("claw")
  .description("Ask an agent once.")
  .argument("[prompt...]", "what to ask")
  .option("-g, --group <folder>", "which agent group")
  .option("-s, --session <id>", "take up an earlier session")
  .option("--pipe", "put standard input after the prompt")
  .option("--list-groups", "list the agent groups")
  .option("--runtime <name>", "container runtime: default, runc or runsc (gVisor)")
  .option("--timeout <seconds>", "how long to wait for the answer", seconds, 300)
  .option("-v, --verbose", "say on standard error what is done")
  .exitOverride()
  .addHelpText("after", `\nThe session's id is printed on standard error.\n${EXIT_CODES}`);

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1_000_000)) throw new InvalidArgumentError("It is a number of seconds above 0.");
  return value;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** Words and secrets stay out of what `-v` prints. */
function redacted(detail: unknown): string {
  const hide = (key: string, value: unknown) =>
    key === "text" && typeof value === "string"
      ? `(${value.length} characters)`
      : key === "secret"
        ? "(hidden)"
        : value;
  return oneLine(JSON.stringify(detail, hide) ?? "", 500);
}

const trace: Trace = (step, verb, detail) => {
  if (step === "ask") say(`> ${verb} ${redacted(detail)}`);
  else say(`< ${verb} ${step === "answer" ? "ok" : "failed:"} ${redacted(detail)}`);
};

async function promptOf(words: string[], pipe: boolean): Promise<string> {
  const input = pipe ? await readAll(process.stdin) : "";
  const prompt = [words.join(" "), input].map((part) => part.trim()).filter(Boolean);
  if (prompt.length === 0) throw new Usage("there is nothing to ask", 'Try: claw "what can you do?"');
  return prompt.join("\n\n");
}

async function claw(words: string[], options: Options): Promise<void> {
  const client = new ControlClient(pathsOf().controlSocket, options.verbose ? trace : undefined);
  if (options.listGroups) {
    process.stdout.write(show(await client.call("groups.list", {})));
    return;
  }
  const text = await promptOf(words, options.pipe === true);
  const { group, session, runtime } = options;
  // The host checks them; this client carries no schema.
  const wanted = { ...(group && { group }), ...(session && { session }), ...(runtime && { runtime }) } as object;
  const opened = await client.call("claw.open", wanted);
  say(`session: ${oneLine(opened.session)}`);

  const end = new AbortController();
  const timer = setTimeout(() => end.abort(new Leave(exit.timeout)), options.timeout * 1000);
  process.once("SIGINT", () => end.abort(new Leave(exit.interrupted)));
  try {
    const notice = (line: string) => say(`! ${plain(line)}`);
    const { texts, failure } = await ask(client, { chat: opened.chat, text }, notice, end.signal);
    if (texts.length > 0) process.stdout.write(`${plain(texts.join("\n\n"))}\n`);
    if (failure !== null) {
      notice(failure);
      throw new Leave(exit.failed);
    }
  } catch (error) {
    if (error instanceof Leave && error.code === exit.timeout) {
      say(
        `claw: no answer within ${options.timeout} s; the agent goes on. Look again: claw -s ${oneLine(opened.session)} "and?"`,
      );
    } else if (error instanceof Leave && error.code === exit.interrupted) {
      await client.call("chat.stop", { chat: opened.chat });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

await runCommand("claw", async () => {
  command.action(claw);
  try {
    await command.parseAsync();
    if (command.opts<Options>().verbose) say(`exit ${exit.ok}`);
  } catch (error) {
    if (command.opts<Options>().verbose) say(`exit ${outcomeOf(error).code}`);
    throw error;
  }
});
