/** The project's packages, exactly as the lockfile says. Runs before anything is installed: Node's own modules only. */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context, Step } from "../step.ts";

/** What decides which packages are installed. */
const INPUTS = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", "container/runner/package.json", ".npmrc"];
/** Skills add providers, each a package. */
const PROVIDERS = "container/providers/*/package.json";

/** A digest of all that decides what `node_modules` holds. */
export function wantedPackages(root: string): string {
  const digest = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const name of [...INPUTS, ...globSync(PROVIDERS, { cwd: root }).sort()]) {
    const file = join(root, name);
    digest.update(`${name}\n`).update(existsSync(file) ? readFileSync(file) : "absent");
  }
  return digest.digest("hex");
}

const stampOf = ({ paths }: Context) => join(paths.root, "node_modules", ".nanoclaw-installed");

export const dependencies: Step = {
  name: "dependencies",
  async todo(context) {
    const stamp = stampOf(context);
    if (!existsSync(stamp)) return "installing packages";
    return readFileSync(stamp, "utf8") === wantedPackages(context.paths.root) ? null : "updating packages";
  },
  async run(context, report) {
    const { root } = context.paths;
    await context.shell.must(
      ["pnpm", "install", "--frozen-lockfile", "--reporter=append-only", "--config.confirm-modules-purge=false"],
      "Check the network and the npm registry in use, then run `bash nanoclaw.sh` again.",
      { cwd: root, env: { CI: "true" }, onLine: report.passing },
    );
    writeFileSync(stampOf(context), wantedPackages(root));
    return "installed as the lockfile says";
  },
};
