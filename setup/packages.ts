/** Rights and packages of the operating system. Nothing here asks: who calls it has asked. */
import { readdirSync, readFileSync } from "node:fs";
import { Misuse } from "../src/lib/errors.ts";
import type { Context, Report } from "./step.ts";

const PACKAGE_LISTS = "/var/lib/apt/lists";

/** The system's own ids, most special first, such as ["ubuntu", "debian"]. Empty where it has none. */
export function distributionOf(osRelease: string): string[] {
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  return `${value("ID")} ${value("ID_LIKE")}`.split(" ").filter(Boolean);
}

export function distribution(): string[] {
  try {
    return distributionOf(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return [];
  }
}

/**
 * The words to put before a command to run it as root: none for root itself.
 * @throws Misuse when this user can't become root
 */
export async function rootPrefix({ shell, questions, paths }: Context, why: string): Promise<string[]> {
  if (process.getuid?.() === 0) return [];
  if ((await shell.run(["sudo", "-n", "true"])).code === 0) return ["sudo", "-n"];
  const allowed =
    questions.asked && (await shell.hand(["sudo", "-p", `[sudo] password, ${why}: `, "-v"], paths.root)) === 0;
  if (allowed) return ["sudo"];
  throw new Misuse(
    `only root may do this: ${why}`,
    "Run this as root or as a user with sudo, or ask who looks after this machine to do it.",
  );
}

/** Installs Debian packages, without what they only recommend. */
export async function installPackages(context: Context, packages: string[], report: Report): Promise<void> {
  const prefix = await rootPrefix(context, `installing ${packages.join(", ")}`);
  const apt = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
  const hint = `Install it by hand: apt-get install ${packages.join(" ")}. Then run this again.`;
  const update = () => context.shell.must([...apt, "update"], hint, { onLine: report.passing });
  const install = [...apt, "install", "-y", "--no-install-recommends", ...packages];
  if (!readdirSync(PACKAGE_LISTS).some((name) => name.endsWith("_Packages"))) await update();
  if ((await context.shell.run(install, { onLine: report.passing })).code === 0) return;
  // The lists may be older than what the archive still holds.
  await update();
  await context.shell.must(install, hint, { onLine: report.passing });
}
