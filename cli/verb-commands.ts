/** Commands made from the verb registry: `a.b` becomes `ncl a b`, arguments and options come from its schema. */
import { randomUUID } from "node:crypto";
import { Argument, type Command, Option } from "commander";
import { z } from "zod";
import { type Verb, type VerbName, verbs } from "../api/verbs.ts";
import type { ControlClient } from "./client.ts";
import { exit, Leave, Usage } from "./outcome.ts";
import { readSecret } from "./secret.ts";
import { type Shape, show } from "./show.ts";

/** One argument of a verb, as its JSON schema says it. */
interface Field {
  name: string;
  type?: string;
  description?: string;
  enum?: string[];
  default?: unknown;
  secret?: boolean;
  generated?: boolean;
  required: boolean;
}

/** The verbs that a person may want. */
const forPeople = () => (Object.entries(verbs) as [VerbName, Verb][]).filter(([, { tool }]) => !tool?.agentsOnly);

/** Adds a command for each verb for people that `root` has no command of its own for. */
export function addVerbCommands(root: Command, client: () => ControlClient): void {
  for (const [name, verb] of forPeople()) {
    const words = name.split(".");
    const last = words.pop() ?? name;
    const parent = words.reduce(subcommand, root);
    if (parent.commands.some((known) => known.name() === last)) continue;
    addVerbCommand(parent.command(last), name, verb, client);
  }
}

function subcommand(parent: Command, word: string): Command {
  const known = parent.commands.find((command) => command.name() === word);
  if (known) return known;
  const under = forPeople().flatMap(([name]) => (name.startsWith(`${word}.`) ? [name.slice(word.length + 1)] : []));
  return parent.command(word).description(under.join(", "));
}

function addVerbCommand(command: Command, name: VerbName, verb: Verb, client: () => ControlClient): void {
  command.description(verb.summary).option("--json", "print the result as JSON");
  const fields = fieldsOf(verb);
  for (const field of fields) addField(command, field, verb.positional.includes(field.name));
  command.action(async () => {
    const options: Record<string, unknown> = command.opts();
    const given = new Map(verb.positional.map((field, index) => [field, command.processedArgs[index]]));
    const args: Record<string, unknown> = {};
    for (const field of fields) {
      const value = await argumentOf(field, given.get(field.name) ?? options[field.name], options[`${field.name}File`]);
      if (value !== undefined) args[field.name] = value;
    }
    const parsed = verb.args.safeParse(args);
    if (!parsed.success)
      throw new Usage(parsed.error.issues.map(problem).join("; "), `Help: ncl ${name.replaceAll(".", " ")} --help`);
    await run(client(), name, verb, parsed.data, options.json === true);
  });
}

function fieldsOf(verb: Verb): Field[] {
  const schema = z.toJSONSchema(verb.args, { io: "input" });
  const order = [...new Set([...verb.positional, ...Object.keys(schema.properties ?? {})])];
  return order.map((name) => ({
    ...(schema.properties?.[name] as Omit<Field, "name" | "required">),
    name,
    required: schema.required?.includes(name) ?? false,
  }));
}

function addField(command: Command, field: Field, positional: boolean): void {
  const flag = `--${field.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const description = field.description ?? "";
  if (field.generated) return;
  if (field.secret) {
    command.option(
      `${flag}-file <path>`,
      `${description}: read it from a file, - for standard input${field.required ? "; else it is asked for" : ""}`,
    );
  } else if (positional) {
    const name = field.type === "array" ? `${field.name}...` : field.name;
    const argument = new Argument(field.required ? `<${name}>` : `[${name}]`, description);
    command.addArgument(field.enum ? argument.choices(field.enum) : argument);
  } else {
    const option = new Option(field.type === "boolean" ? flag : `${flag} <${field.type ?? "value"}>`, description);
    if (field.enum) option.choices(field.enum);
    // The host fills defaults in; here they are only for the help.
    if (field.default !== undefined) option.description = `${description} (default: ${field.default})`;
    command.addOption(field.required ? option.makeOptionMandatory() : option);
  }
}

async function argumentOf(field: Field, value: unknown, file: unknown): Promise<unknown> {
  if (field.generated) return randomUUID();
  // A secret that may be left out is not asked for.
  if (field.secret && !field.required && file === undefined) return undefined;
  if (field.secret) return readSecret(field.description ?? field.name, typeof file === "string" ? file : undefined);
  const isNumber = field.type === "integer" || field.type === "number";
  // What is no number stays as it was typed, for the schema to complain about.
  if (isNumber && typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value)))
    return Number(value);
  return value;
}

const problem = (issue: z.core.$ZodIssue) => `${issue.path.join(".") || "arguments"}: ${issue.message}`;

async function run(client: ControlClient, name: VerbName, verb: Verb, args: object, json: boolean): Promise<void> {
  const shape = z.toJSONSchema(verb.result) as Shape;
  const print = (value: unknown) => void process.stdout.write(json ? `${JSON.stringify(value)}\n` : show(value, shape));
  if (verb.stream) {
    for await (const line of client.stream(name, args as never)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const result: unknown = await client.call(name, args as never);
  print(result);
  if (foundWrong(result)) throw new Leave(exit.failed);
}

/** A check that found something wrong fails: `audit verify`, a credential that its service refuses. */
function foundWrong(result: unknown): boolean {
  const { ok, check } = Object(result) as { ok?: unknown; check?: unknown };
  return ok === false || check === "bad";
}
