/**
 * The folders of a session that exists only while its container is attacked: as real as any, but no file of a person is
 * in it. All files belong to the container's user, as on a host that is not root: the mount alone is in the way.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { chown, cp, lstat, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { inside } from "../../protocol/layout.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { prepareFolder, type SessionFolder, sessionFolder } from "../../src/sessions/folder.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import { setUidBait } from "./set-uid-bait.ts";

/** Sessions of this kind are called so: what a host that was killed has left behind is known by it. */
export const PREFIX = "prove-";
const isRoot = process.getuid?.() === 0;

export class Scratch {
  readonly folder: SessionFolder;
  /** Stands in the project's place: the probe in place of the runner. */
  readonly code: string;
  readonly groupFolder: string;
  /** Private to the host: nothing of it is mounted. */
  readonly private: string;
  /** A file of the host that must stay. */
  readonly bait: string;
  hasSetUidBait = false;
  /** Host paths of the files that are mounted one by one, with their inodes. */
  readonly pinned: [path: string, inode: number][];
  /** Where the other session's data would be found, if it were. */
  readonly guessesOfOther: string[];
  readonly #uid: number;

  constructor(paths: Paths, group: AgentGroup, session: Session, readersGroup: number | null, secret: string) {
    this.#uid = group.uid;
    this.folder = sessionFolder(paths.sessions, session);
    const { root } = this.folder;
    prepareFolder(this.folder, group.uid, readersGroup);
    chmodSync(root, 0o755);
    this.code = join(root, "code");
    this.groupFolder = join(root, "group");
    this.private = join(root, "private");
    this.bait = join(root, "bait");
    mkdirSync(this.private, { mode: 0o700 });
    writeFileSync(join(this.private, "key"), secret);
    writeFileSync(this.bait, "precious");
    mkdirSync(join(this.groupFolder, "workspace"), { recursive: true });
    const other = join(dirname(root), `${session.id}-other`, "out");
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, "outbound.db"), secret);
    const tail = `${basename(dirname(other))}/out/outbound.db`;
    this.guessesOfOther = [join(other, "outbound.db"), `${inside.inboundDir}/${tail}`, `/mnt/sessions/${tail}`];
    this.pinned = [this.folder.outboundDb, this.folder.outboundJournal].map((path) => [path, lstatSync(path).ino]);
  }

  /** Puts in what a container finds; in many small steps, because the host has other work meanwhile. @param root of the project */
  async fill(root: string): Promise<void> {
    const { inboundDb, inDir, configDir } = this.folder;
    await this.#copyCode(root);
    await writeFile(inboundDb, "");
    await writeFile(`${inboundDb}-journal`, "");
    await writeFile(join(configDir, "instructions.md"), "# Probe\n");
    await writeFile(join(configDir, "config.json"), "{}");
    await this.#giveToContainer([inDir, configDir, this.code, join(this.groupFolder, "workspace")]);
    this.hasSetUidBait = this.#makeBaits(configDir);
  }

  /** What the container is to do, where it reads its settings. */
  writeSteps(steps: object[]): void {
    writeFileSync(join(this.folder.configDir, "config.json"), JSON.stringify({ steps }), { mode: 0o644 });
  }

  /** @throws where the container's own folders were not emptied before (see sweep.ts) */
  async remove(): Promise<void> {
    await removeSession(this.folder.root);
    await rm(`${this.folder.root}-other`, { recursive: true, force: true });
  }

  async #copyCode(root: string): Promise<void> {
    for (const [from, to] of [
      ["container/probe", "container/runner"],
      ["container/providers/null", "container/providers/null"],
      ["protocol", "protocol"],
      ["container/image/hosts", "container/image/hosts"],
    ] as const) {
      await cp(join(root, from), join(this.code, to), {
        recursive: true,
        filter: (path) => !/node_modules|\.test\.ts$|__pycache__/.test(path),
      });
    }
  }

  async #giveToContainer(folders: string[]): Promise<void> {
    if (!isRoot) return;
    const give = async (path: string): Promise<void> => {
      await chown(path, this.#uid, this.#uid);
      if (!(await lstat(path)).isDirectory()) return;
      for (const name of await readdir(path)) await give(join(path, name));
    };
    for (const folder of folders) await give(folder);
  }

  /** Files that are harm to whoever could use them. @returns whether the set-uid program is there */
  #makeBaits(configDir: string): boolean {
    if (!isRoot) return false;
    const hidden = join(configDir, "bait-private");
    writeFileSync(hidden, "another user's", { mode: 0o600 });
    chownSync(hidden, this.#uid + 1, this.#uid + 1);
    const program = setUidBait();
    if (!program) return false;
    const path = join(configDir, "bait-set-uid");
    writeFileSync(path, program);
    chmodSync(path, 0o4755);
    return true;
  }
}

/** Folders of a session that a container can write into: nobody on the host walks them. */
export const writableFolders = (root: string) => ({
  workspace: join(root, "group", "workspace"),
  provider: join(root, "provider"),
});

/** What a host that was killed in the middle has left: roots of sessions. */
export function leftovers(sessionsDir: string, group: AgentGroup): string[] {
  const parent = join(sessionsDir, group.id);
  if (!lstatSync(parent, { throwIfNoEntry: false })) return [];
  return readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(parent, name));
}

/** Its writable folders must be empty. */
export async function removeSession(root: string): Promise<void> {
  for (const folder of Object.values(writableFolders(root))) {
    if (lstatSync(folder, { throwIfNoEntry: false })) rmdirSync(folder);
  }
  await rm(root, { recursive: true, force: true });
}
