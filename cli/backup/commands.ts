/** `ncl backup make | verify | restore`. They work on files, so that they work without a host. */
import type { Command } from "commander";
import { Misuse } from "../../src/lib/errors.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { type ControlClient, HostDown } from "../client.ts";
import { moment } from "../show.ts";

interface Options {
  json: boolean;
}

export function addBackupCommands(root: Command, paths: Paths, client: () => ControlClient): void {
  const command = root.command("backup").description("make, verify, restore");
  command
    .command("make <file>")
    .description("Write the whole installation to a file, also while the host runs")
    .option("--with-keys", "the keys too: without them its credentials can be read on this machine only", false)
    .option("--json", "print what was written as JSON", false)
    .action(async (file: string, { withKeys, json }: Options & { withKeys: boolean }) => {
      const { makeBackup } = await import("./make.ts");
      const made = await makeBackup(paths, file, withKeys);
      const keys = withKeys ? "with its keys: keep it as you would keep them" : "without keys";
      print(
        json,
        made,
        `${file}: ${(made.bytes / 1e6).toFixed(1)} MB, ${keys}. Check it: ./bin/ncl backup verify ${file}\n`,
      );
    });
  command
    .command("verify <file>")
    .description("Restore a backup to a scratch folder, and tell what is in it")
    .option("--json", "print it as JSON", false)
    .action(async (file: string, { json }: Options) => {
      const { verifyBackup } = await import("./restore.ts");
      const found = await verifyBackup(file);
      const { agents, sessions, messages, audit, keys } = found;
      const what = `${agents} agents, ${sessions} sessions, ${messages} messages, ${audit} audit records`;
      print(json, found, `Good, of ${moment(found.at)}: ${what}; ${keys ? "with" : "without"} keys\n`);
    });
  command
    .command("restore <file>")
    .description("Put an installation back; the host must not run")
    .option("--replace", "move aside what is there", false)
    .option("--json", "print what was done as JSON", false)
    .action(async (file: string, { replace, json }: Options & { replace: boolean }) => {
      if (await runs(client())) throw new Misuse("the host is running", "Stop it first: ./bin/ncl down");
      const { restoreBackup } = await import("./restore.ts");
      const restored = await restoreBackup(paths, file, replace);
      const aside = restored.aside ? ` What was there is at ${restored.aside}.` : "";
      const keys = restored.keys ? "" : " It has no keys: credentials that this machine can't read must be set again.";
      print(json, restored, `Restored as of ${moment(restored.at)}.${aside}${keys} Start it: ./bin/ncl up\n`);
    });
}

const print = (json: boolean, value: unknown, text: string) =>
  void process.stdout.write(json ? `${JSON.stringify(value)}\n` : text);

async function runs(client: ControlClient): Promise<boolean> {
  try {
    await client.call("chat.list", { limit: 1 });
    return true;
  } catch (error) {
    // Whatever else is wrong with it: it is there.
    return !(error instanceof HostDown);
  }
}
