/**
 * Installs the packages of one skill, exactly as the lockfile says, and takes them away again; no other part of the project
 * changes. Done by the project's own pnpm. Uses Node's own modules only: the set-up needs it before there are others.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";

/** In `node_modules`: what was installed there, as a digest of all that decides it. */
const STAMP = ".nanoclaw-installed";
/** What decides for every package of the project. */
const SHARED = ["pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"];

/** A digest of files of the project, those that are not there included. */
export function digestOf(root: string, names: string[]): string {
  const digest = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const name of names) {
    const file = join(root, name);
    digest.update(`${name}\n`).update(existsSync(file) ? readFileSync(file) : "absent");
  }
  return digest.digest("hex");
}

/** @param folder of the skill, from the project folder on */
export const arePackagesThere = (root: string, folder: string): boolean =>
  existsSync(join(root, folder, "node_modules"));

/** Whether packages were installed here after another lockfile than that of now. */
export function areOutdated(root: string, folder: string): boolean {
  const digest = installedAs(root, folder);
  return digest !== null && digest !== wantedFor(root, folder);
}

/** Null where they were not installed by this command: a developer may have done so for the whole project. */
function installedAs(root: string, folder: string): string | null {
  const stamp = join(root, folder, "node_modules", STAMP);
  return existsSync(stamp) ? readFileSync(stamp, "utf8") : null;
}

const wantedFor = (root: string, folder: string) => digestOf(root, [...SHARED, join(folder, "package.json")]);

export interface Installing {
  env: NodeJS.ProcessEnv;
  /** A line that pnpm said. */
  onLine(line: string): void;
}

/** @returns false where nothing had to be done. @throws Misuse with what pnpm said last */
export async function installPackages(root: string, folder: string, { env, onLine }: Installing): Promise<boolean> {
  const wanted = wantedFor(root, folder);
  if (installedAs(root, folder) === wanted) return false;
  // Without --prod: pnpm would take the development packages of the rest of the project away.
  const words = ["--filter", `./${folder}`, "install", "--frozen-lockfile", "--reporter=append-only"];
  const said = await run(root, [...words, "--config.confirm-modules-purge=false"], env, onLine);
  if (said !== null)
    throw new Misuse(`its packages could not be installed: ${said}`, "Check the network and the npm registry in use.");
  if (arePackagesThere(root, folder)) writeFileSync(join(root, folder, "node_modules", STAMP), wanted);
  return true;
}

export function removePackages(root: string, folder: string): void {
  rmSync(join(root, folder, "node_modules"), { recursive: true, force: true });
}

/** @returns null, or the last words of a pnpm that failed */
function run(
  cwd: string,
  words: string[],
  env: NodeJS.ProcessEnv,
  onLine: Installing["onLine"],
): Promise<string | null> {
  const path = [join(cwd, ".tools/bin"), env.PATH ?? ""].join(delimiter);
  return new Promise((resolve) => {
    let said = "";
    const child = spawn("pnpm", words, {
      cwd,
      env: { ...env, PATH: path, CI: "true", NODE_USE_SYSTEM_CA: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-2000);
        for (const line of text.split(/[\r\n]+/)) if (line.trim()) onLine(line.trim());
      });
    child.once("error", () => resolve("there is no pnpm; `bash nanoclaw.sh` brings it"));
    child.once("close", (code) => resolve(code === 0 ? null : said.trim().split("\n").slice(-3).join(" | ")));
  });
}
