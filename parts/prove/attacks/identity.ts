/** Attacks by who it is: users, capabilities, set-uid programs; and on what the kernel shows of itself. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { inside } from "../../../protocol/layout.ts";
import type { Attack } from "../attack.ts";
import type { World } from "../world.ts";

const program = "files.py";
const wall = "identity";
const folder = inside.workspace;
const capability = { wall, control: "capabilities", program } as const;
const setting = (id: string, name: string, tried: string): Attack => ({
  ...{ id, wall, control: "kernel settings", program, name: "proc.open-to-write", tried },
  settings: () => ({ path: `/proc/sys/${name}` }),
});
const onRootHost = ({ isRoot }: World) => isRoot;

export const identityAttacks: Attack[] = [
  {
    ...{ id: "identity.root-program-for-host", wall, control: "user", program },
    tried: "leave a program in the workspace that gives whoever runs it on the host the rights of root",
    settings: () => ({ folder }),
  },
  {
    ...{ id: "identity.root-only", wall, control: "user", program },
    tried: "look where only root may: private keys and old passwords of the system",
  },
  {
    ...{ id: "identity.set-uid-program", wall, control: "privileges", program },
    tried: "run a set-uid program of root that lies in a mount",
    settings: () => ({ program: `${inside.configDir}/bait-set-uid` }),
    possible: ({ isRoot, scratch }) => isRoot && scratch.hasSetUidBait,
    // Without the right on it, the attack would show nothing.
    harm: ({ scratch }) =>
      (lstatSync(join(scratch.folder.configDir, "bait-set-uid")).mode & 0o4000) === 0
        ? "the bait lost its right"
        : null,
  },
  {
    ...{ id: "identity.find-set-uid", wall, control: "set-uid", program },
    tried: "find a set-uid program in the image",
  },
  {
    ...{ ...capability, id: "capability.become-other-agent" },
    tried: "become the user of another agent",
    settings: ({ uid }) => ({ uid: uid + 1 }),
  },
  {
    ...{ ...capability, id: "capability.give-away-file" },
    tried: "give a file to another user",
    settings: ({ uid }) => ({ folder, uid: uid + 1 }),
  },
  {
    ...{ ...capability, id: "capability.file-capabilities" },
    tried: "put capabilities on a file in the workspace, for someone on the host to run",
    settings: () => ({ folder }),
  },
  {
    ...{ ...capability, id: "capability.read-others-file" },
    tried: "read a file that only another user may read",
    settings: () => ({ path: `${inside.configDir}/bait-private` }),
    possible: onRootHost,
  },
  {
    ...{ ...capability, id: "capability.make-device" },
    tried: "make a device file for a disk in the workspace",
    settings: () => ({ folder }),
  },
  {
    ...{ ...capability, id: "capability.undeletable-file" },
    tried: "make a file that nobody can delete",
    settings: () => ({ folder }),
  },
  { ...capability, id: "capability.raise-limits", tried: "raise its own limits" },
  { ...capability, id: "capability.go-first", tried: "put itself before every other program of the machine" },
  setting(
    "proc.core-pattern",
    "kernel/core_pattern",
    "name a program that the kernel runs as root when something crashes",
  ),
  setting("proc.panic", "kernel/panic", "decide when the machine restarts by itself"),
  setting("proc.overcommit", "vm/overcommit_memory", "let the machine promise more memory than it has"),
  { id: "proc.keys", wall, control: "masks", program, tried: "list the keys that the kernel keeps" },
  { id: "proc.firmware", wall, control: "masks", program, tried: "look at the machine's firmware" },
];
