/** From a spec to what the engine's API wants. Pure, and every control of the wall is one line here. */
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";

/** Output is kept only for the end of stderr; more than this is thrown away as it comes. */
const LOG_BYTES = "256k";
const SHM_BYTES = 64 * 2 ** 20;

/** The body of `POST /containers/create`. @param seccomp the profile itself, as JSON text. */
export function createBody(spec: SandboxSpec, seccomp: string) {
  const { limits } = spec;
  return {
    Image: spec.image,
    Cmd: spec.command,
    Entrypoint: [] as string[],
    User: `${spec.user.uid}:${spec.user.gid}`,
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
    WorkingDir: spec.workingDir,
    Hostname: "nanoclaw",
    // Beside NetworkMode: the container gets its own network namespace from the runtime, with loopback alone, and the engine
    // sets up nothing around it, which takes it 90 ms; nor does it copy the host's resolver settings into the container.
    NetworkDisabled: true,
    OpenStdin: false,
    Tty: false,
    HostConfig: {
      ...(spec.runtime !== null && { Runtime: spec.runtime }),
      NetworkMode: "none",
      ReadonlyRootfs: true,
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges", `seccomp=${seccomp}`],
      Init: true,
      IpcMode: "private",
      PidMode: "",
      UTSMode: "",
      CgroupnsMode: "private",
      Devices: [] as string[],
      Mounts: mountsOf(spec).map(({ source, target, readOnly }) => ({
        Type: "bind",
        Source: source,
        Target: target,
        ReadOnly: readOnly,
        BindOptions: { Propagation: "rprivate" },
      })),
      Tmpfs: Object.fromEntries(spec.tmpfs.map((tmpfs) => [tmpfs.target, tmpfsOptions(tmpfs)])),
      ShmSize: SHM_BYTES,
      Memory: limits.memoryBytes,
      // The same as Memory: no swap on top.
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.pids,
      Ulimits: [
        { Name: "nofile", Soft: limits.openFiles, Hard: limits.openFiles },
        { Name: "fsize", Soft: limits.fileSizeBytes, Hard: limits.fileSizeBytes },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
      // When the machine itself runs out of memory, containers go before the host.
      OomScoreAdj: 500,
      LogConfig: { Type: "json-file", Config: { "max-size": LOG_BYTES, "max-file": "1" } },
      RestartPolicy: { Name: "no" },
      // Removed by hand, after the exit was looked at.
      AutoRemove: false,
    },
  };
}

/** All bind mounts; the session socket comes in by its folder, so that the host can make a new socket in it. */
export function mountsOf(spec: SandboxSpec) {
  return [...spec.mounts, { source: spec.socket.dir, target: spec.socket.target, readOnly: true }];
}

export function tmpfsOptions({ size, files, uid, mode }: SandboxSpec["tmpfs"][number]): string {
  return `rw,exec,nosuid,nodev,size=${size},nr_inodes=${files},uid=${uid},mode=${mode.toString(8)}`;
}
