/**
 * What a channel is told to sign in with: from a file, the environment or the person, in this order. The values go to the
 * host over its private socket and nowhere else; no message holds one.
 */
import type { VerbResult } from "../../api/verbs.ts";
import { Misuse } from "../../src/lib/errors.ts";

export type Needs = VerbResult<"channels.describe">;
export type Field = Needs["fields"][number];
export type Values = Record<string, string>;

/** What the variables of a channel begin with. What the set-up and pnpm start is not given them. */
export const variablesOf = (channel: string) => `NANOCLAW_${channel.toUpperCase().replaceAll("-", "_")}_`;

/** "telegram", "apiRoot" -> "NANOCLAW_TELEGRAM_API_ROOT" */
export const variableOf = (channel: string, field: string) =>
  variablesOf(channel) + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** The environment without the credentials of a channel. */
export const withoutCredentials = (env: NodeJS.ProcessEnv, channel: string): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(variablesOf(channel))));

/** @throws Misuse that says nothing of what the text holds */
export function credentialsIn(text: string): Values {
  const wrong = new Misuse("the credentials are not a JSON object of texts", 'It looks like this: {"token": "…"}');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong;
  if (!Object.values(value).every((one) => typeof one === "string")) throw wrong;
  return value as Values;
}

export interface Sources {
  file: Values;
  env: NodeJS.ProcessEnv;
  /** Puts a question; an empty answer gives nothing. Null where nobody can be asked. */
  ask: ((field: Field, problem: string) => Promise<string>) | null;
}

/**
 * @param again asks also for what is stored, because it did not work
 * @returns only what is new; the host keeps the rest. @throws Misuse where something is missing, with how to give it
 */
export async function gather({ channel, fields, title }: Needs, sources: Sources, again: boolean): Promise<Values> {
  const known = new Set(fields.map(({ name }) => name));
  const strange = Object.keys(sources.file).filter((name) => !known.has(name));
  if (strange.length > 0)
    throw new Misuse(
      `${title} has no credential called ${strange.join(", ")}`,
      `It has: ${[...known].join(", ") || "none"}`,
    );
  const given: Values = {};
  for (const field of fields) {
    const value = sources.file[field.name] ?? sources.env[variableOf(channel, field.name)]?.trim();
    // What may be left out is taken back by an empty value.
    if (value || (value === "" && !field.required)) given[field.name] = value;
  }
  const open = fields.filter((field) => field.required && given[field.name] === undefined);
  for (const field of open) {
    if (field.isSet && !again) continue;
    const problem = field.isSet ? "Leave it empty to keep the one that is stored." : "";
    const answer = (await sources.ask?.(field, problem))?.trim();
    if (answer) given[field.name] = answer;
  }
  const missing = open.filter(({ name, isSet }) => !isSet && given[name] === undefined);
  if (missing.length === 0) return given;
  const [first] = missing;
  throw new Misuse(
    `${title} needs: ${missing.map(({ label, name }) => `${label} (${name})`).join(", ")}`,
    `${first?.help ? `${first.help} ` : ""}Then set ${missing.map(({ name }) => variableOf(channel, name)).join(", ")}, or give a JSON object of them with --credentials-file, or run this on a terminal to be asked.`,
  );
}
