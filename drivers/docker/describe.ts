/**
 * The docker command that does what the driver does, for people to read, compare and try. One thing has no flag: the
 * driver also sets NetworkDisabled, so that the engine leaves the (already absent) network wholly alone.
 */
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { createBody, mountsOf, tmpfsOptions } from "./create-body.ts";

/** @param seccompFile the profile's path, in place of its text. */
export function dockerCommand(spec: SandboxSpec, seccompFile: string): string {
  const body = createBody(spec, seccompFile);
  const host = body.HostConfig;
  const flags = [
    ["--name", spec.name],
    ...(spec.runtime === null ? [] : [["--runtime", spec.runtime]]),
    ["--user", body.User],
    ["--workdir", body.WorkingDir],
    ["--hostname", body.Hostname],
    ["--network", host.NetworkMode],
    ["--read-only"],
    ...host.CapDrop.map((capability) => ["--cap-drop", capability]),
    ...host.SecurityOpt.map((option) => ["--security-opt", option]),
    ["--init"],
    ["--ipc", host.IpcMode],
    ["--cgroupns", host.CgroupnsMode],
    ["--memory", `${host.Memory}`],
    ["--memory-swap", `${host.MemorySwap}`],
    ["--shm-size", `${host.ShmSize}`],
    ["--cpus", `${spec.limits.cpus}`],
    ["--pids-limit", `${host.PidsLimit}`],
    ...host.Ulimits.map(({ Name, Soft, Hard }) => ["--ulimit", `${Name}=${Soft}:${Hard}`]),
    ["--oom-score-adj", `${host.OomScoreAdj}`],
    ["--log-driver", host.LogConfig.Type],
    ...Object.entries(host.LogConfig.Config).map(([name, value]) => ["--log-opt", `${name}=${value}`]),
    ...spec.tmpfs.map((tmpfs) => ["--tmpfs", `${tmpfs.target}:${tmpfsOptions(tmpfs)}`]),
    ...mountsOf(spec).map(({ source, target, readOnly }) => [
      "--mount",
      `type=bind,source=${source},target=${target},bind-propagation=rprivate${readOnly ? ",readonly" : ""}`,
    ]),
    ...body.Env.map((variable) => ["--env", variable]),
    ...Object.entries(spec.labels).map(([name, value]) => ["--label", `${name}=${value}`]),
  ];
  return [
    "docker run --detach",
    ...flags.map((flag) => flag.map(quoted).join(" ")),
    ["--entrypoint", "''", spec.image, ...spec.command.map(quoted)].join(" "),
  ].join(" \\\n  ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
