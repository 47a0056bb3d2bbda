/** Empties folders that containers wrote into, by a container that has nothing but them: the host never walks such a tree. */
import { existsSync } from "node:fs";
import { inside } from "../../protocol/layout.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { writableFolders } from "./scratch.ts";

/** @param like a spec whose two writable folders are replaced by those of the session at `root` */
export async function sweep(driver: SandboxDriver, like: SandboxSpec, root: string): Promise<void> {
  const { workspace, provider } = writableFolders(root);
  if (!existsSync(workspace) || !existsSync(provider)) return;
  const places: Record<string, string> = { [inside.workspace]: workspace, [inside.providerState]: provider };
  const sandbox = await driver.start({
    ...like,
    name: `${like.name}-sweep`,
    command: ["find", inside.workspace, inside.providerState, "-mindepth", "1", "-delete"],
    mounts: like.mounts.flatMap((mount) => {
      const source = places[mount.target];
      return source ? [{ ...mount, source }] : [];
    }),
  });
  const { code, stderr } = await sandbox.exited;
  if (code !== 0) throw new Misuse(`what the probe left in ${root} could not be removed: ${stderr.trim()}`);
}
