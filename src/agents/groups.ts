/** Makes agent groups: the row, the folder, and a workspace that belongs to the uid of its containers. */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Misuse } from "../lib/errors.ts";
import { newAgentGroupId, type Random } from "../lib/ids.ts";
import type { AgentGroup } from "../store/groups.ts";
import type { Store } from "../store/store.ts";

/** Containers of a host that runs as root get a uid of their own from here on, one per agent group. */
const FIRST_CONTAINER_UID = 700_000;
const FOLDER_NAME = /^[a-z0-9][a-z0-9_-]{0,49}$/;

export interface NewAgentGroup {
  folder: string;
  name: string;
  provider: string;
  model: string | null;
  runtime: string | null;
}

/** @throws Misuse where no agent group has that folder */
export function agentGroupAt(store: Store, folder: string): AgentGroup {
  const group = store.groups.agentGroupByFolder(folder);
  if (!group) throw new Misuse(`there is no agent group "${folder}"`, "`ncl groups list` shows them.");
  return group;
}

/**
 * @param groupsDir the folder of all groups
 * @throws Misuse when the folder's name is not plain or is taken
 */
export function createAgentGroup(store: Store, groupsDir: string, wanted: NewAgentGroup, random: Random, now: number) {
  if (!FOLDER_NAME.test(wanted.folder)) {
    throw new Misuse(
      `"${wanted.folder}" can't be a group's folder`,
      "Use up to 50 lower-case letters, digits, - and _, beginning with a letter or digit.",
    );
  }
  if (store.groups.agentGroupByFolder(wanted.folder)) throw new Misuse(`the group "${wanted.folder}" exists already`);
  const hostUid = process.getuid?.() ?? 0;
  const uid = hostUid === 0 ? FIRST_CONTAINER_UID + store.groups.agentGroups().length : hostUid;
  const group: AgentGroup = { ...wanted, id: newAgentGroupId(random), uid, createdAt: now };
  makeFolder(join(groupsDir, group.folder), group);
  store.groups.addAgentGroup(group);
  return group;
}

/** Only ever called for a folder that no container has seen: the host never opens `workspace` again. Repeatable after a crash. */
function makeFolder(folder: string, group: AgentGroup): void {
  const workspace = join(folder, "workspace");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  mkdirSync(workspace, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(workspace, group.uid, group.uid);
  const instructions = `# ${group.name}\n\nWhat this agent should know and how it should be. Edit freely: it reads this at its next start.\n`;
  try {
    writeFileSync(join(folder, "CLAUDE.md"), instructions, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
