/** Attacks on what is mounted. The scratch session's files all belong to the container's user: only the mount is in the way. */
import { lstatSync } from "node:fs";
import { inside } from "../../../protocol/layout.ts";
import type { Attack } from "../attack.ts";
import type { Control } from "../controls.ts";
import type { World } from "../world.ts";

const program = "files.py";
const wall = "files";

const replace = (id: string, control: Control, folder: string, what: string): Attack => ({
  ...{ id, wall, control, program, name: "files.replace-in-folder" },
  tried: `put, move and replace files in the folder of ${what}`,
  settings: () => ({ folder }),
});
const code = (id: string, control: Control, folder: string, what: string): Attack => ({
  ...{ id, wall, control, program, name: "files.change-code" },
  tried: `change the code of ${what}, which runs at the next start`,
  settings: () => ({ folder }),
});

/** The pinned files are still plain files, and the same ones. */
const swapped = ({ scratch }: World): string | null => {
  for (const [path, inode] of scratch.pinned) {
    const now = lstatSync(path, { throwIfNoEntry: false });
    if (!now?.isFile() || now.ino !== inode) return `${path} on the host is another file now`;
  }
  return null;
};
const granted = ({ mounts }: World["spec"]) =>
  mounts.filter(({ target }) => target.startsWith("/mnt/")).map(({ target }) => target);
const single = { wall, control: "single files", program, harm: swapped } as const;

export const fileAttacks: Attack[] = [
  {
    ...{ id: "files.write-inbound", wall, control: "inbound mount", program, name: "files.write-mailbox" },
    tried: "write, empty and remove the host's mailbox file",
    settings: () => ({ path: inside.inboundDb }),
  },
  replace("files.replace-inbound", "inbound mount", inside.inboundDir, "the host's mailbox"),
  replace("files.poison-settings", "config mount", inside.configDir, "settings and instructions"),
  {
    ...{ id: "files.rewrite-instructions", wall, control: "config mount", program, name: "files.write-file" },
    tried: "write into its own instructions",
    settings: () => ({ path: inside.instructions }),
  },
  code("files.change-runner", "runner mount", inside.runnerDir, "the runner"),
  replace("files.add-to-runner", "runner mount", inside.runnerDir, "the runner"),
  code("files.change-protocol", "protocol mount", inside.protocolDir, "what host and runner share"),
  replace("files.add-provider", "providers mount", inside.providersDir, "the providers"),
  {
    ...{ id: "files.rename-host", wall, control: "hosts mount", program, name: "files.write-file" },
    tried: "give another address to a name in /etc/hosts",
    settings: () => ({ path: "/etc/hosts" }),
  },
  replace("files.replace-socket", "socket mount", inside.socketDir, "its session socket, to stand in for the host"),
  {
    ...{ ...single, id: "files.link-outbound", name: "files.swap-for-link" },
    tried: "put a link to a file of the host in the place of its mailbox",
    settings: ({ scratch }) => ({ path: inside.outboundDb, bait: scratch.bait }),
  },
  {
    ...{ ...single, id: "files.link-journal", name: "files.swap-for-link" },
    tried: "put a link to a file of the host in the place of its journal",
    settings: ({ scratch }) => ({ path: inside.outboundJournal, bait: scratch.bait }),
  },
  {
    ...{ ...single, id: "files.rename-outbound", name: "files.swap-by-rename" },
    tried: "put another file in the place of its mailbox",
    settings: () => ({ path: inside.outboundDb }),
  },
  {
    ...{ ...single, id: "files.beside-outbound", name: "files.put-beside" },
    tried: "put a write-ahead log beside its mailbox, for a reader that trusts it",
    settings: () => ({ path: `${inside.outboundDb}-wal` }),
  },
  {
    ...{ id: "files.write-granted", wall, control: "granted mounts", program, name: "files.read-granted-mount" },
    tried: "write into a folder that a person gave it for reading",
    settings: ({ spec }) => ({ targets: granted(spec) }),
    possible: ({ spec }) => granted(spec).length > 0,
  },
  {
    ...{ id: "files.fill-image", wall, control: "root", program, name: "files.fill-root" },
    tried: "write into folders of the image that anyone may write",
  },
];
