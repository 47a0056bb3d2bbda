/**
 * What the CIS Docker Benchmark (section 5, container runtime) asks of a container's configuration, by its numbers, held
 * against the engine's request. What differs on purpose is named in docs/isolation-model.md.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionSpec } from "../../src/sandbox/spec.ts";
import { createBody } from "./create-body.ts";

const at = (name: string) => `/srv/nanoclaw/${name}`;
const spec = sessionSpec({
  ...{ installation: "0a1b2c3d", session: "s-abc", image: "nanoclaw-agent:latest", runtime: null, timeZone: "UTC" },
  user: { uid: 70_001, gid: 70_001 },
  sources: {
    ...{ root: at("code"), inboundDir: at("in"), outboundDb: at("out/outbound.db"), configDir: at("config") },
    ...{ outboundJournal: at("out/outbound.db-journal"), providerDir: at("provider"), workspace: at("workspace") },
    socketDir: "/run/nanoclaw/s/s-abc",
  },
});
const body = createBody(spec, "{}");
const host = body.HostConfig;
const loose: Record<string, unknown> = host;
const SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/var/run", "/run"];

const checks: [number: string, asks: string, holds: () => boolean][] = [
  ["4.1", "a user was made", () => /^[1-9]\d*:[1-9]\d*$/.test(body.User)],
  ["5.3", "capabilities are restricted", () => host.CapDrop.join() === "ALL" && loose.CapAdd === undefined],
  ["5.4", "it is not privileged", () => host.Privileged === false],
  ["5.5", "no system folder is mounted", () => !host.Mounts.some(({ Source }) => SENSITIVE.includes(Source))],
  ["5.7, 5.8, 5.13", "no port is open to others", () => loose.PortBindings === undefined],
  ["5.9", "the host's network is not shared", () => host.NetworkMode === "none"],
  ["5.10", "memory is limited", () => host.Memory > 0 && host.MemorySwap === host.Memory],
  ["5.11", "processor time is limited", () => host.NanoCpus > 0],
  ["5.12", "the root is read-only", () => host.ReadonlyRootfs],
  ["5.14", "it is not restarted without end", () => host.RestartPolicy.Name === "no"],
  ["5.15", "the host's processes are not shared", () => host.PidMode === ""],
  ["5.16", "the host's IPC is not shared", () => host.IpcMode === "private"],
  ["5.17", "no device is given", () => host.Devices.length === 0],
  ["5.18", "limits of its own", () => host.Ulimits.some(({ Name }) => Name === "nofile")],
  ["5.19", "no mount is shared", () => host.Mounts.every(({ BindOptions }) => BindOptions.Propagation === "rprivate")],
  ["5.20", "the host's name is not shared", () => host.UTSMode === ""],
  ["5.21", "a seccomp filter is on", () => host.SecurityOpt.some((option) => option.startsWith("seccomp={"))],
  ["5.24", "it has no cgroup of another", () => loose.CgroupParent === undefined && host.CgroupnsMode === "private"],
  ["5.25", "it can't gain privileges", () => host.SecurityOpt.includes("no-new-privileges")],
  ["5.28", "processes are limited", () => host.PidsLimit > 0],
  ["5.29", "it is not on the engine's bridge", () => host.NetworkMode !== "bridge"],
  ["5.30", "the host's user namespace is not asked for", () => loose.UsernsMode === undefined],
  [
    "5.31",
    "the engine's socket is not mounted",
    () => !host.Mounts.some(({ Source }) => /docker|containerd/.test(Source)),
  ],
];

for (const [number, asks, holds] of checks) test(`CIS ${number}: ${asks}`, () => assert.ok(holds()));
