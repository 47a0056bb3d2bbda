/** Takes credentials out of a `.env` file: which of its variables, and as what. Pure; no message holds a value. */
import { parseEnv } from "node:util";
import { Misuse } from "../../src/lib/errors.ts";

/** Kinds that need nothing but the value, and what the others need beside it. */
export const IMPORT_KINDS = ["bearer", "api_key", "oauth_token", "basic", "header", "query"] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];
const DETAIL: Partial<Record<ImportKind, "user" | "header" | "parameter">> = {
  basic: "user",
  header: "header",
  query: "parameter",
};
export const detailOf = (kind: ImportKind) => DETAIL[kind];

/** Variables of the model go by their own name and kind. */
const OF_MODEL: Record<string, ImportKind> = { ANTHROPIC_API_KEY: "api_key", CLAUDE_CODE_OAUTH_TOKEN: "oauth_token" };
const MOST_BYTES = 1_000_000;

/** What a variable becomes; `detail` as the kind wants it. */
export interface Choice {
  kind: ImportKind;
  detail?: string;
}

/** The arguments of `credentials.set`. */
export interface Given {
  name: string;
  kind: ImportKind;
  secret: string;
  variable?: string;
  user?: string;
  header?: string;
  parameter?: string;
}

/** @throws Misuse that repeats nothing of the text */
export function variablesIn(text: string): Map<string, string> {
  if (text.length > MOST_BYTES) throw new Misuse("the file is too large to be one of variables");
  const variables = Object.entries(parseEnv(text)).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  if (variables.length === 0) throw new Misuse("no variable with a value is in it", "Its lines look like NAME=value.");
  return new Map(variables);
}

/** @param choices as typed: `NAME=kind`, or `NAME=kind:detail` such as `DB_PASSWORD=basic:me` */
export function choicesIn(choices: string[], known: ReadonlyMap<string, string>): Map<string, Choice> {
  return new Map(
    choices.map((choice) => {
      const [, name = "", kind = "", detail] = /^([^=]+)=([a-z_0-9]+)(?::(.+))?$/.exec(choice) ?? [];
      const found = IMPORT_KINDS.find((one) => one === kind);
      // What was typed may be a value by mistake: it is not repeated.
      if (!found) {
        throw new Misuse(
          "an --as is none of NAME=kind",
          `Kinds are ${IMPORT_KINDS.join(", ")}; for example --as GITHUB_TOKEN=bearer.`,
        );
      }
      if (!known.has(name))
        throw new Misuse("an --as names a variable that is not in the file", "Its names are shown without --as.");
      if (DETAIL[found] && !detail) {
        throw new Misuse(
          `${name} as ${found} needs its ${DETAIL[found]}`,
          `Say --as ${name}=${found}:${DETAIL[found]?.toUpperCase()}.`,
        );
      }
      return [name, { kind: found, ...(detail !== undefined && { detail }) }];
    }),
  );
}

/** What is likely meant. */
export const likelyKind = (variable: string): ImportKind => OF_MODEL[variable] ?? "bearer";

export function givenFor(variable: string, value: string, { kind, detail }: Choice): Given {
  const isModel = kind === "api_key" || kind === "oauth_token";
  const setting = DETAIL[kind];
  return {
    name: isModel ? "anthropic" : nameFor(variable),
    ...{ kind, secret: value },
    ...(!isModel && { variable }),
    ...(setting && detail !== undefined && { [setting]: detail }),
  };
}

/** GITHUB_TOKEN -> github */
export const nameFor = (variable: string): string => {
  const plain = variable.toLowerCase().replace(/[^a-z0-9_]/g, "_");
  const short = plain.replace(/_(api_?key|access_token|auth_token|token|key|secret|password)$/, "");
  return (short || plain).replaceAll("_", "-").replace(/^-+/, "").slice(0, 64) || "imported";
};
