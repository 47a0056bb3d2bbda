/** `ncl prove`: shows attack by attack that an agent's box is closed, and says it by its exit code. `ncl sandbox describe`. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import type { ProofLine } from "../api/results.ts";
import type { ControlClient } from "./client.ts";
import { exit, Leave, Usage } from "./outcome.ts";
import { oneLine, plain, widthOf } from "./text.ts";

interface Options {
  runtime?: "default" | "runc" | "runsc";
  json?: boolean;
  report?: string;
}
export type ProvenAttack = Omit<Extract<ProofLine, { type: "attack" }>, "type">;
type End = Extract<ProofLine, { type: "end" }>;

/** Columns of what was tried, and of what happened. */
const TRIED = 68;
const HAPPENED = 48;

const print = (text: string) => void process.stdout.write(text);

export function addSandboxCommands(root: Command, client: () => ControlClient): void {
  const runtime = ["--runtime <runtime>", "runc, runsc (gVisor) or default; without it the agent's own"] as const;
  root
    .command("prove [agent]")
    .description("Attack an agent's box from inside and show that it is closed; a minute or two")
    .option(...runtime)
    .option("--json", "print the attacks as JSON")
    .option("--report <file>", "save the whole result in a file, as JSON")
    .action((agent: string | undefined, options: Options) => proveIt(client(), agent, options));
  root
    .command("sandbox")
    .description("describe")
    .command("describe <agent>")
    .description("Show what an agent's container would get, in words and as the exact command, before it starts")
    .option(...runtime)
    .option("--json", "print the result as JSON")
    .action((agent: string, options: Options) => describe(client(), agent, options));
}

async function proveIt(client: ControlClient, agent: string | undefined, options: Options): Promise<void> {
  const folder = agent ?? (await onlyAgent(client));
  const attacks: ProvenAttack[] = [];
  const shown = options.json ? null : new Progress();
  let end: End | null = null;
  const args = { folder, ...(options.runtime && { runtime: options.runtime }) };
  for await (const line of client.stream("sandbox.prove", args)) {
    if (line.type === "start") shown?.start(line.attacks, `${line.group}, under ${line.runtime}`);
    else if (line.type === "end") end = line;
    else if (line.type === "attack") {
      const { type: _, ...attack } = line;
      attacks.push(attack);
      shown?.attack(attack);
    }
  }
  const result = {
    attacks: attacks.map(({ id, control, tried, happened, held }) => ({ id, control, tried, happened, held })),
  };
  if (options.json) print(`${JSON.stringify(result)}\n`);
  if (options.report) {
    writeFileSync(
      options.report,
      `${JSON.stringify({ agent: folder, at: new Date().toISOString(), ...result }, null, 2)}\n`,
    );
  }
  shown?.end(end, options.report);
  // A proof that did not come to its end has shown nothing, whatever held until then.
  if (!end?.ok) throw new Leave(exit.failed);
}

async function onlyAgent(client: ControlClient): Promise<string> {
  const groups = await client.call("groups.list", {});
  if (groups.length === 1 && groups[0]) return groups[0].folder;
  const names = groups.map(({ folder }) => folder).join(", ");
  throw new Usage(
    groups.length === 0 ? "there is no agent yet" : `which agent? There are ${names}`,
    "ncl prove <agent>",
  );
}

const WALLS: Record<string, string> = {
  files: "Mounts and files",
  identity: "Who it is, and what the kernel shows",
  kernel: "The kernel's interfaces and devices",
  neighbours: "The host's processes, other containers, the engine",
  network: "The network",
  gateway: "The session socket and the gateway",
  mailbox: "The mailbox",
  secrets: "Secrets, and what would outlive a container",
  bombs: "Bombs",
};

/** Shows attacks as they come, by wall; on a terminal, how far it is. */
class Progress {
  #total = 0;
  #done = 0;
  #wall = "";

  start(total: number, what: string): void {
    this.#total = total;
    print(`Attacking the box of ${plain(what)}: ${total} attacks.\n`);
  }

  attack(attack: ProvenAttack): void {
    this.#done += 1;
    this.#clear();
    if (attack.wall !== this.#wall) print(`\n${WALLS[attack.wall] ?? plain(attack.wall)}\n`);
    this.#wall = attack.wall;
    print(rowOf(attack));
    if (process.stderr.isTTY) process.stderr.write(`  ${this.#done} of ${this.#total} …`);
  }

  end(end: End | null, report: string | undefined): void {
    this.#clear();
    print(summary(end));
    if (report) print(`Saved in ${report}.\n`);
  }

  #clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

export function rowOf({ held, tried, happened, control }: ProvenAttack): string {
  const mark = held === "not given" ? "- not given" : held ? "✓ held     " : "✗ NOT HELD ";
  const cell = (text: string, width: number) => {
    const short = oneLine(text, width);
    return short + " ".repeat(Math.max(0, width - widthOf(short)));
  };
  return `  ${mark} ${cell(tried, TRIED)}  ${cell(happened, HAPPENED)}  ${oneLine(control)}\n`;
}

export function summary(end: End | null): string {
  if (!end) return "\nThe proof was broken off: it shows nothing. `ncl logs` says why.\n";
  const { held, failed, notGiven } = end;
  const lacking = notGiven > 0 ? ` ${notGiven} controls are not given by this runtime on this machine.` : "";
  if (end.ok) return `\nAll ${held} attacks were stopped.${lacking}\n`;
  return `\n${failed} of ${held + failed + notGiven} attacks were NOT stopped.${lacking} Don't let this agent do anything until you know why: \`ncl sandbox describe\` shows its container.\n`;
}

async function describe(client: ControlClient, folder: string, { json, runtime }: Options): Promise<void> {
  const described = await client.call("sandbox.describe", { folder, ...(runtime && { runtime }) });
  if (json) return print(`${JSON.stringify(described)}\n`);
  print(`${described.words.map((sentence) => `- ${plain(sentence)}\n`).join("")}\n${plain(described.command)}\n`);
}
