/** The host runs: under the user's service manager where there is one, else apart from this terminal. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { HostDown } from "../../cli/client.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { launchdPlist, serviceName, systemdUnit } from "../service-files.ts";
import { lastWords } from "../shell.ts";
import type { Context, Step } from "../step.ts";

/** Milliseconds that a host gets from its start to its first answer. */
const PATIENCE = 30_000;
const LOOK_AGAIN = 100;

export const service: Step = {
  name: "service",
  todo: async (context) => ((await hostAnswers(context)) ? null : "starting the host"),
  async run(context) {
    const how = await start(context);
    const until = performance.now() + PATIENCE;
    while (!(await hostAnswers(context))) {
      if (performance.now() > until) {
        throw new Misuse(
          "the host was started but does not answer",
          "Look at its log with `bin/ncl logs`, then run this again.",
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
    return how;
  },
};

async function hostAnswers({ control }: Context): Promise<boolean> {
  try {
    await control.call("status", {});
    return true;
  } catch (error) {
    if (error instanceof HostDown) return false;
    throw error;
  }
}

async function start(context: Context): Promise<string> {
  const { shell, paths } = context;
  // Node keeps compiled code there before the host could make the folder its own.
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  if (process.platform === "darwin") return startWithLaunchd(context);
  // Root has a service manager of its own only in some logins; there the host runs detached.
  const usable = process.getuid?.() !== 0 && (await shell.run(["systemctl", "--user", "show-environment"])).code === 0;
  return usable ? startWithSystemd(context) : startDetached(context);
}

/** @returns whether the file had to change */
function put(file: string, text: string): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
  return true;
}

async function startWithSystemd(context: Context): Promise<string> {
  const { shell, paths, env } = context;
  const unit = `${serviceName(paths)}.service`;
  const hint = `Look at \`systemctl --user status ${unit}\`, then run this again.`;
  const folder = join(env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "systemd/user");
  const changed = put(join(folder, unit), systemdUnit(paths, process.execPath, env));
  if (changed) await shell.must(["systemctl", "--user", "daemon-reload"], hint);
  await shell.must(["systemctl", "--user", "enable", unit], hint);
  await shell.must(["systemctl", "--user", "restart", unit], hint);
  // Without lingering the host ends with the last login. It is the person's to allow, so failing is only told.
  const lingers = (await shell.run(["loginctl", "enable-linger"])).code === 0;
  return `systemd user unit ${unit}${lingers ? "" : "; it stops at logout until root runs `loginctl enable-linger`"}`;
}

async function startWithLaunchd(context: Context): Promise<string> {
  const { shell, paths, env } = context;
  const file = join(homedir(), "Library/LaunchAgents", `${serviceName(paths)}.plist`);
  const domain = `gui/${process.getuid?.()}`;
  put(file, launchdPlist(paths, process.execPath, env));
  // Fails where it was not loaded, which is as good.
  await shell.run(["launchctl", "bootout", `${domain}/${serviceName(paths)}`]);
  await shell.must(
    ["launchctl", "bootstrap", domain, file],
    `Look at \`launchctl print ${domain}/${serviceName(paths)}\`.`,
  );
  return `launchd agent ${serviceName(paths)}`;
}

async function startDetached({ shell, paths }: Context): Promise<string> {
  const up = await shell.run([join(paths.root, "bin/ncl"), "up"], { cwd: paths.root, deadline: PATIENCE * 2 });
  if (up.code !== 0) {
    const said = up.stderr.trim().slice(-2000) || lastWords(up);
    throw new Misuse(said, "Look at its log with `bin/ncl logs`, then run this again.");
  }
  return "detached; after a restart of the machine run `bin/ncl up`";
}
