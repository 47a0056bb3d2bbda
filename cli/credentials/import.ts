/**
 * `ncl credentials import FILE`: asks which variables of a `.env` file are to be kept and as what, and gives them to the
 * host. Names are shown, values never; the file is read here and nowhere else, and only when a person asks for it.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { ControlClient } from "../client.ts";
import { HostDown } from "../client.ts";
import { exit, Leave, Usage } from "../outcome.ts";
import { plain } from "../text.ts";
import { type Choice, choicesIn, givenFor, variablesIn } from "./env-file.ts";

export interface ImportOptions {
  as: string[];
  replace: boolean;
  json: boolean;
}

/** Asks about one variable; null to leave it. */
export type Ask = (variable: string) => Promise<Choice | null>;

export interface Imported {
  stored: { variable: string; name: string; check: string; detail: string }[];
  left: { variable: string; why: string }[];
  file: string;
}

/** @param ask null where nobody can be asked: then --as says it all */
export async function importFile(client: ControlClient, path: string, options: ImportOptions, ask: Ask | null) {
  const file = resolve(path);
  const variables = variablesIn(read(file));
  const chosen = choicesIn(options.as, variables);
  if (chosen.size === 0 && !ask) {
    throw new Usage(
      `the file has ${[...variables.keys()].join(", ")}, and nobody can be asked which to take`,
      "Say it with --as NAME=kind, once for each; for example --as GITHUB_TOKEN=bearer.",
    );
  }
  const taken = new Set((await client.call("credentials.list", {})).map(({ name }) => name));
  const imported: Imported = { stored: [], left: [], file };
  const leave = (variable: string, why: string) => imported.left.push({ variable, why });
  for (const [variable, value] of variables) {
    const choice = chosen.size > 0 ? chosen.get(variable) : await ask?.(variable);
    if (!choice) {
      leave(variable, "not chosen");
      continue;
    }
    const given = givenFor(variable, value, choice);
    if (taken.has(given.name) && !options.replace) {
      leave(variable, `a credential "${given.name}" is there already; --replace takes its place`);
      continue;
    }
    try {
      const { check, detail } = await client.call("credentials.set", given);
      if (check === "bad") leave(variable, detail);
      else imported.stored.push({ variable, name: given.name, check, detail });
      taken.add(given.name);
    } catch (error) {
      if (error instanceof HostDown || !(error instanceof Misuse)) throw error;
      leave(variable, messageOf(error).replaceAll(value, "[removed]"));
    }
  }
  return imported;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Usage(`can't read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

export function tell({ stored, left, file }: Imported): string {
  const lines = [
    ...stored.map(({ variable, name }) => `${variable} is stored as credential "${name}".`),
    ...left.map(({ variable, why }) => `${variable} was not taken: ${why}.`),
    stored.length > 0
      ? `Now delete ${file}: what it holds is as good as before, and anybody who gets at the file has it. Nothing here reads it.`
      : `Nothing was stored.`,
  ];
  return `${lines.map(plain).join("\n")}\n`;
}

export async function importCommand(client: ControlClient, path: string, options: ImportOptions): Promise<void> {
  const asks = process.stdin.isTTY && process.stderr.isTTY && !options.json;
  const imported = await importFile(client, path, options, asks ? (await import("./ask.ts")).askKind : null);
  process.stdout.write(options.json ? `${JSON.stringify(imported)}\n` : tell(imported));
  const wanted = options.as.length > 0 || imported.stored.length === 0;
  if (wanted && imported.left.some(({ why }) => why !== "not chosen")) throw new Leave(exit.failed);
}
