import assert from "node:assert/strict";
import { test } from "node:test";
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { createBody } from "./create-body.ts";
import { dockerCommand } from "./describe.ts";

const spec: SandboxSpec = {
  name: "nanoclaw-1-s",
  image: "nanoclaw-agent:latest",
  command: ["bun", "run", "/app/main.ts"],
  runtime: "runsc",
  user: { uid: 1000, gid: 1001 },
  environment: { TZ: "UTC", SAYING: "it's fine" },
  labels: { "nanoclaw.session": "s" },
  mounts: [{ source: "/data/in", target: "/nanoclaw/in", readOnly: true }],
  tmpfs: [{ target: "/tmp", size: 1024, uid: 1000, files: 10, mode: 0o1777 }],
  workingDir: "/workspace",
  limits: { memoryBytes: 1e9, pids: 99, cpus: 1.5, openFiles: 77, fileSizeBytes: 5e6 },
  socket: { dir: "/run/s", target: "/nanoclaw/run" },
};
const body = createBody(spec, '{"defaultAction":"SCMP_ACT_ERRNO"}');
const host = body.HostConfig;

test("there is no network, and the engine sets none up", () => {
  assert.equal(host.NetworkMode, "none");
  assert.equal(body.NetworkDisabled, true);
});

test("the root is read-only and the user is the one that was named", () => {
  assert.equal(host.ReadonlyRootfs, true);
  assert.equal(body.User, "1000:1001");
});

test("there are no capabilities, no new privileges, no devices, and our own seccomp profile", () => {
  assert.deepEqual(host.CapDrop, ["ALL"]);
  assert.deepEqual(host.SecurityOpt, ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}']);
  assert.deepEqual([host.Privileged, host.Devices], [false, []]);
});

test("no namespace of the host is shared", () => {
  assert.deepEqual([host.IpcMode, host.PidMode, host.UTSMode, host.CgroupnsMode], ["private", "", "", "private"]);
});

test("memory, swap, processes, processor time and files are limited", () => {
  assert.deepEqual([host.Memory, host.MemorySwap, host.PidsLimit, host.NanoCpus], [1e9, 1e9, 99, 1.5e9]);
  assert.deepEqual(
    host.Ulimits.map(({ Name, Soft, Hard }) => [Name, Soft, Hard]),
    [
      ["nofile", 77, 77],
      ["fsize", 5e6, 5e6],
      ["core", 0, 0],
    ],
  );
});

test("mounts are bind mounts that invent no folder, the socket's folder read-only among them", () => {
  const bind = { Type: "bind", ReadOnly: true, BindOptions: { Propagation: "rprivate" } };
  assert.deepEqual(host.Mounts, [
    { ...bind, Source: "/data/in", Target: "/nanoclaw/in" },
    { ...bind, Source: "/run/s", Target: "/nanoclaw/run" },
  ]);
  assert.ok(!("Binds" in host));
  assert.deepEqual(host.Tmpfs, { "/tmp": "rw,exec,nosuid,nodev,size=1024,nr_inodes=10,uid=1000,mode=1777" });
});

test("an init reaps, logs are capped, and nothing restarts or removes it but us", () => {
  assert.equal(host.Init, true);
  assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "256k", "max-file": "1" } });
  assert.deepEqual([host.RestartPolicy, host.AutoRemove], [{ Name: "no" }, false]);
});

test("the runtime is named only where one was chosen", () => {
  assert.equal((host as { Runtime?: string }).Runtime, "runsc");
  assert.ok(!("Runtime" in createBody({ ...spec, runtime: null }, "{}").HostConfig));
});

test("the described command carries every control, quoted for a shell", () => {
  const command = dockerCommand(spec, "/profile.json");
  for (const flag of [
    "--network none",
    "--read-only",
    "--cap-drop ALL",
    "--security-opt no-new-privileges",
    "--security-opt seccomp=/profile.json",
    "--user 1000:1001",
    "--memory-swap 1000000000",
    "--pids-limit 99",
    "--cpus 1.5",
    "--ulimit fsize=5000000:5000000",
    "--mount type=bind,source=/run/s,target=/nanoclaw/run,bind-propagation=rprivate,readonly",
    "--env 'SAYING=it'\\''s fine'",
    "nanoclaw-agent:latest bun run /app/main.ts",
  ]) {
    assert.ok(command.includes(flag), flag);
  }
});
