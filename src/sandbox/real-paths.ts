/** The part of a spec's check that has to look at the disk: what is mounted is what it says it is. */
import { lstat, realpath } from "node:fs/promises";
import { Misuse } from "../lib/errors.ts";
import type { SandboxSpec } from "./sandbox.ts";

/** @throws Misuse where a mount's source is missing, goes through a link, or is neither a folder nor a plain file. */
export async function checkRealPaths(spec: SandboxSpec): Promise<void> {
  await Promise.all([...spec.mounts.map(({ source }) => source), spec.socket.dir].map((one) => checkSource(one, spec)));
}

async function checkSource(source: string, { user }: SandboxSpec): Promise<void> {
  const [real, stats] = await Promise.all([realpath(source), lstat(source)]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw new Misuse(`${source} can't be mounted: ${error.message}`);
    const anew = `install -d -m 700 -o ${user.uid} -g ${user.gid} '${source}'`;
    throw new Misuse(
      `${source} can't be mounted: it does not exist`,
      `Put it back, or begin with an empty one: \`${anew}\`.`,
    );
  });
  if (real !== source) {
    throw new Misuse(`${source} can't be mounted: it leads to ${real}`, "Name the real path: a link can be turned.");
  }
  if (!stats.isDirectory() && !stats.isFile()) {
    throw new Misuse(`${source} can't be mounted: it is no folder and no plain file`);
  }
}
