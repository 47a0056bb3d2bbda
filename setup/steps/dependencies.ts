/** The project's packages, exactly as the lockfile says. Runs before anything is installed: Node's own modules only. */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { arePackagesThere, digestOf } from "../../cli/skills/packages.ts";
import type { Context, Step } from "../step.ts";

/** What decides which packages are installed. */
const INPUTS = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", "container/runner/package.json", ".npmrc"];
/** Providers and skills are packages, each with its own dependencies. */
const SKILLS = "skills/*/package.json";
const PACKAGES = ["container/providers/*/package.json", SKILLS];

/** A digest of all that decides what `node_modules` holds. */
export const wantedPackages = (root: string): string =>
  digestOf(root, [...INPUTS, ...globSync(PACKAGES, { cwd: root }).sort()]);

/** The skills whose packages nobody asked for yet. */
const notAdded = (root: string) =>
  globSync(SKILLS, { cwd: root })
    .map(dirname)
    .filter((folder) => !arePackagesThere(root, folder));

const stampOf = ({ paths }: Context) => join(paths.root, "node_modules", ".nanoclaw-installed");

/** @param skills whose packages are wanted: those of the skills that were added, or of all, which checks and tests need */
export const dependencies = (skills: "added" | "all"): Step => ({
  name: "dependencies",
  async todo(context) {
    const stamp = stampOf(context);
    if (!existsSync(stamp)) return "installing packages";
    if (readFileSync(stamp, "utf8") !== wantedPackages(context.paths.root)) return "updating packages";
    return skills === "all" && notAdded(context.paths.root).length > 0 ? "installing the packages of all skills" : null;
  },
  async run(context, report) {
    const { root } = context.paths;
    const without = skills === "all" ? [] : notAdded(root).map((folder) => `--filter=!./${folder}`);
    await context.shell.must(
      [
        ...["pnpm", "install", "--frozen-lockfile", "--reporter=append-only", "--config.confirm-modules-purge=false"],
        ...without,
      ],
      "Check the network and the npm registry in use, then run `bash nanoclaw.sh` again.",
      { cwd: root, env: { CI: "true" }, onLine: report.passing },
    );
    writeFileSync(stampOf(context), wantedPackages(root));
    return "installed as the lockfile says";
  },
});
