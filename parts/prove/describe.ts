/** A container's spec in plain words, from the very data that starts it. Pure. */
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { type Control, controls } from "./controls.ts";

const MB = 2 ** 20;

/** @param lacks what the driver can't give under this runtime */
export function inWords(spec: SandboxSpec, lacks: Record<string, string>): string[] {
  const { limits, mounts, tmpfs, user } = spec;
  const sees = (readOnly: boolean) =>
    mounts.filter((mount) => mount.readOnly === readOnly).map(({ source, target }) => `${target} (${source})`);
  return [
    `Runs ${spec.command.join(" ")} from the image ${spec.image}, under ${spec.runtime ?? "the engine's usual runtime"}.`,
    `Runs as user ${user.uid}, group ${user.gid}: never as root, without capabilities, and it can't gain any.`,
    "Has no network but its own loopback. What leaves it goes through its session socket, by the gateway's rules.",
    "Can't write its root file system, and calls only those system calls that the project's own filter lists.",
    `May write ${sees(false).join(", ")}.`,
    `May read ${sees(true).join(", ")}.`,
    ...tmpfs.map(
      ({ target, size, files }) =>
        `Has ${size / MB} MB and ${files} files of memory in ${target}, gone with the container.`,
    ),
    `Has at most ${limits.memoryBytes / MB} MB of memory, ${limits.cpus} cores, ${limits.pids} processes, ${limits.openFiles} open files, and files of ${limits.fileSizeBytes / MB} MB.`,
    `Gets these variables, no secret among them: ${Object.keys(spec.environment).join(", ")}.`,
    ...Object.entries(lacks).map(
      ([control, why]) => `Goes without ${controls[control as Control] ?? control}: ${why}.`,
    ),
  ];
}
