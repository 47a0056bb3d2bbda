/**
 * Makes the folder of a new channel from the one that this project keeps for it, which is checked and tested like every
 * other: what comes out works before anything in it is changed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import { skillFolder } from "./catalog.ts";
import { variablesOf } from "./credentials.ts";

const TEMPLATE = join("skills", "new-channel");
/** Its guide has another name, so that it is no skill itself. */
const GUIDE = "SKILL.template.md";

const NAME = /^[a-z][a-z0-9-]*$/;
/** So long that lines with it stay within the width that the formatter allows. */
const LONGEST_NAME = 32;
/** Channels that are no skills. */
const BUILT_IN = ["terminal"];

export interface NewChannel {
  skill: string;
  /** From the project folder on. */
  folder: string;
  files: string[];
  /** What to do now, in order. */
  next: string[];
}

/** @throws Misuse where it can't be made; then nothing is left of it */
export function newChannel(root: string, id: string): NewChannel {
  if (!NAME.test(id) || id.length > LONGEST_NAME)
    throw new Misuse(
      "this can't be the name of a channel",
      `It begins with a small letter, has only such letters, digits and hyphens, ${LONGEST_NAME} at most: my-chat`,
    );
  const folder = join("skills", `add-${id}`);
  const taken = BUILT_IN.includes(id) ? `the channel "${id}"` : skillFolder(root, id);
  if (taken !== null) throw thereAlready(taken);
  if (!existsSync(join(root, TEMPLATE)))
    throw new Misuse(`${TEMPLATE} is not there`, `Bring it back: git checkout -- ${TEMPLATE}`);
  try {
    // Nothing that has this name already is touched, whatever it is.
    mkdirSync(join(root, folder));
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EEXIST" ? thereAlready(folder) : notWritten(folder, error);
  }
  try {
    const files = filesOf(join(root, TEMPLATE)).map((file) => {
      const target = file === GUIDE ? "SKILL.md" : file;
      const text = named(readFileSync(join(root, TEMPLATE, file), "utf8"), id);
      mkdirSync(dirname(join(root, folder, target)), { recursive: true });
      writeFileSync(join(root, folder, target), text);
      return target;
    });
    return { skill: id, folder, files: files.sort(), next: nextSteps(folder, id) };
  } catch (error) {
    rmSync(join(root, folder), { recursive: true, force: true });
    throw notWritten(folder, error);
  }
}

const thereAlready = (what: string) =>
  new Misuse(`${what} is there already`, "Choose another name. See: ./bin/ncl skills list");

const notWritten = (folder: string, error: unknown) =>
  new Misuse(`${folder} could not be written: ${messageOf(error)}`, "Put that right and try again.");

/** Without what was installed for it. */
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith("node_modules"));

/** "my-chat" -> "My Chat" */
const titleOf = (id: string) =>
  id
    .replace(/-+/g, " ")
    .trim()
    .replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

/** What stands in the template for a channel's id, its title, and the beginning of its variables. */
const named = (text: string, id: string) =>
  text
    .replaceAll("newchannel", id)
    .replaceAll("New Channel", titleOf(id))
    .replaceAll(variablesOf("newchannel"), variablesOf(id));

const nextSteps = (folder: string, id: string) => [
  `Run what it has to keep: node --test ${folder}/*.test.ts`,
  "Read docs/channels.md and src/channels/channel.ts, then put your platform in the place of protocol.ts, connection.ts and testing/platform.ts",
  `Name its packages in ${folder}/package.json, run pnpm install, and say in docs/dependencies.md why each is there`,
  `Say in ${folder}/SKILL.md how people come by its credentials`,
  `Start it: ncl skills add ${id}`,
  `See whether it works: ncl skills verify ${id}`,
];
