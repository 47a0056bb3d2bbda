/** `ncl`: commands of its own for the host and the chat, and one for every verb of the registry. */
import { Command, InvalidArgumentError, Option } from "commander";
import { pathsOf } from "../src/lib/paths.ts";
import { addBackupCommands } from "./backup/commands.ts";
import { ControlClient } from "./client.ts";
import { EXIT_CODES, runCommand } from "./outcome.ts";
import { addSandboxCommands } from "./prove.ts";
import { addSkillCommands } from "./skills.ts";
import type { UsageOptions } from "./usage.ts";

const paths = pathsOf();
const client = () => new ControlClient(paths.controlSocket);

const root = new Command("ncl")
  .description('NanoClaw on the command line. Also: claw "question" asks once.')
  .exitOverride()
  .showSuggestionAfterError()
  .addHelpText("after", `\n${EXIT_CODES}`);

root
  .command("up")
  .description("Start the host")
  .action(async () => {
    const { up } = await import("./host-process.ts");
    const { status, already } = await up(paths, client());
    process.stdout.write(
      `The host is ${already ? "already running" : "up"} (pid ${status.pid}). Talk to it: ./bin/ncl chat\n`,
    );
  });

root
  .command("down")
  .description("Stop the host; running turns are taken up again at the next start")
  .action(async () => {
    const { down } = await import("./host-process.ts");
    process.stdout.write((await down(client())) ? "The host has stopped.\n" : "The host was not running.\n");
  });

root
  .command("status")
  .description("Show how the host, its channels and its sessions are")
  .option("--json", "print it as JSON")
  .action(async (options: { json?: boolean }) => {
    const { status } = await import("./status.ts");
    await status(client(), options.json === true);
  });

root
  .command("doctor")
  .description("Find what is wrong with this installation, say why, and mend what can be mended")
  .option("--fix", "mend without asking", false)
  .option("--json", "print what was found as JSON", false)
  .action(async (options: { fix: boolean; json: boolean }) => {
    const { doctor } = await import("./doctor/doctor.ts");
    await doctor(paths, client(), options);
  });

root
  .command("logs")
  .description("Show what the host logged")
  .option("-f, --follow", "go on as more is logged", false)
  .addOption(
    new Option("--level <level>", "the least level").choices(["debug", "info", "warn", "error"]).default("info"),
  )
  .option("-n, --lines <count>", "how many of the last lines", positive, 100)
  .action(async (options: { follow: boolean; level: string; lines: number }) => {
    const { logs } = await import("./logs.ts");
    await logs(paths.logs, options);
  });

root
  .command("chat")
  .description("Talk with an agent; from a pipe, ask once")
  .option("--chat <name>", "which terminal chat", "main")
  .action(async (options: { chat: string }) => {
    const { chat } = await import("./chat/chat.ts");
    await chat(client(), options.chat);
  });

root
  .command("usage")
  .description("Show what the models were used for and what that cost; ncl usage prices | price | forget")
  .addOption(new Option("--by <what>", "what to tell apart").choices(["day", "agent", "person", "model", "session"]))
  .option("--since <when>", "from when on: a number of days such as 30d, or a date (default: 7d)")
  .option("--group <folder>", "only of this agent group")
  .option("--json", "print it as JSON")
  .action(async ({ json, ...args }: UsageOptions) => {
    const { usage } = await import("./usage.ts");
    await usage(client(), args, json === true);
  });

addSkillCommands(root, paths, client);
addSandboxCommands(root, client);
addBackupCommands(root, paths, client);

root
  .command("credentials")
  .description("list, show, set, remove, import, rotate-key")
  .command("import <file>")
  .description("Store credentials of a .env file; values are never shown")
  .option("--as <name=kind...>", "take this variable as that kind, such as GITHUB_TOKEN=bearer; ask nothing", [])
  .option("--replace", "also in place of those that are there", false)
  .option("--json", "print the result as JSON", false)
  .action(async (file: string, options: { as: string[]; replace: boolean; json: boolean }) => {
    const { importCommand } = await import("./credentials/import.ts");
    await importCommand(client(), file, options);
  });

function positive(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("It is a number above 0.");
  return Number(text);
}

/** The registry is needed for help and for verbs, and takes longer to load than all the rest. */
function needsRegistry(words: string[]): boolean {
  const [first = "--help", second = ""] = words;
  if (words.some((word) => word === "-h" || word === "--help") || first === "help") return true;
  if (first === "chat" || first === "usage") return second !== "" && !second.startsWith("-");
  if (first === "credentials") return second !== "import";
  return !root.commands.some((command) => command.name() === first);
}

await runCommand("ncl", async () => {
  const words = process.argv.slice(2);
  if (needsRegistry(words)) {
    const [{ addVerbCommands }, { addAuditCommands }] = await Promise.all([
      import("./verb-commands.ts"),
      import("./audit.ts"),
    ]);
    addAuditCommands(root, client);
    addVerbCommands(root, client);
  }
  await root.parseAsync(words.length > 0 ? words : ["--help"], { from: "user" });
});
