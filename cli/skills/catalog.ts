/** The skills of this project: folders in `skills/` with a SKILL.md. A name is checked before it becomes a path. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const CHANNEL = "add-";

export interface Skill {
  /** What people type: the folder's name, without "add-" for what can be added. */
  name: string;
  /** From the project folder on. */
  folder: string;
  /** A channel is started by the host; the rest is for a person or a coding agent to follow. */
  kind: "channel" | "instructions";
  /** It has packages of its own. */
  packages: boolean;
  description: string;
  /** SKILL.md without its front matter. */
  text: string;
}

export function skillsIn(root: string): Skill[] {
  const folder = join(root, "skills");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => NAME.test(name) && existsSync(join(folder, name, "SKILL.md")))
    .sort()
    .map((name) => read(root, name));
}

/** @param name with or without the "add-" of its folder. @returns from the project folder on; null where there is none */
export function skillFolder(root: string, name: string): string | null {
  const folder = [`${CHANNEL}${name}`, name].find(
    (folder) => NAME.test(folder) && existsSync(join(root, "skills", folder, "SKILL.md")),
  );
  return folder === undefined ? null : join("skills", folder);
}

/** @throws Misuse where there is none */
export function skillNamed(root: string, name: string): Skill {
  const folder = skillFolder(root, name);
  if (folder === null) throw new Misuse("there is no skill of this name", "See: ./bin/ncl skills list");
  return read(root, basename(folder));
}

function read(root: string, name: string): Skill {
  const folder = join("skills", name);
  const file = (inside: string) => join(root, folder, inside);
  const { fields, text } = frontMatter(readFileSync(file("SKILL.md"), "utf8"));
  return {
    name: name.startsWith(CHANNEL) ? name.slice(CHANNEL.length) : name,
    folder,
    kind: existsSync(file("channel.ts")) ? "channel" : "instructions",
    packages: existsSync(file("package.json")),
    description: fields.description ?? "",
    text,
  };
}

/**
 * The part of YAML that front matter of skills uses: `key: value` between two lines of dashes. A value may be quoted, and
 * go on in lines that are indented.
 */
export function frontMatter(source: string): { fields: Record<string, string>; text: string } {
  const [all, head = ""] = /^---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)/s.exec(source) ?? [""];
  const fields: Record<string, string> = {};
  for (const [, key = "", value = ""] of head.matchAll(/^([\w-]+):[ \t]*(.*(?:\r?\n[ \t]+.*)*)$/gm)) {
    const words = value
      .replace(/^[>|][+-]?\s*/, "")
      .replace(/\s+/g, " ")
      .trim();
    fields[key] = words.replace(/^(["'])(.*)\1$/, "$2");
  }
  return { fields, text: source.slice(all.length).trim() };
}
