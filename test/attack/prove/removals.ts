/** Each hardening of the box, taken away: how, and which controls of the list are gone with it. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Gateway } from "../../../drivers/door/gateway.ts";
import { defaultLimits, type Limits } from "../../../drivers/door/limits.ts";
import type { Control } from "../../../parts/prove/controls.ts";
import { privateOnly } from "../../../parts/prove/private-only.ts";
import type { ProverParts } from "../../../parts/prove/stage.ts";
import type { World } from "../../../parts/prove/world.ts";
import { inside } from "../../../protocol/layout.ts";
import type { Upstream } from "../../../src/gateway/door.ts";
import type { Egress } from "../../../src/gateway/egress.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { SandboxSpec } from "../../../src/sandbox/sandbox.ts";
import type { Loose } from "./altered-driver.ts";
import { NaiveDoor, naiveFiles, naiveGate, naiveReaders, naiveTaker } from "./naive-host.ts";

export interface Removal {
  name: string;
  /** The attacks of these turn red, and no others. */
  controls: Control[];
  /** Attacks of these controls that this way of taking it away leaves harmless. */
  except?: string[];
  /** Attacks that may do harm or not, by how fast the machine is, or by what stands in the control's place. */
  unsure?: string[];
  alter?(body: Loose, spec: SandboxSpec, world: World): void;
  parts?: Partial<ProverParts>;
  /** Made in every run; the others in a full one. */
  quick?: boolean;
}

const host = (body: Loose, changes: Record<string, unknown>) => void Object.assign(body.HostConfig, changes);
/** Capabilities by the numbers of their bits (linux/capability.h). */
const NAMES = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST " +
  "NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE " +
  "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG"
).split(" ");
const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
/** What root itself has here: an engine can give no more. */
const powers = NAMES.filter((_, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n);
/** Attacks whose capability nobody has here: without it they stay harmless. */
const powerless = Object.entries({ "capability.raise-limits": "SYS_RESOURCE", "power.set-clock": "SYS_TIME" })
  .filter(([, name]) => !powers.includes(name))
  .map(([id]) => id);

/** Root owns what the container's user owned, so that nothing but the user is another. */
const asRoot = (body: Loose, { spec, scratch }: World) => {
  body.User = "0:0";
  const { outboundDb, outboundJournal, providerDir } = scratch.folder;
  for (const path of [outboundDb, outboundJournal, providerDir, join(scratch.groupFolder, "workspace")]) {
    chownSync(path, 0, statSync(path).gid);
  }
  chmodSync(join(spec.socket.dir, "session.sock"), 0o666);
  for (const { target } of spec.tmpfs) tmpfs(body, target, /,uid=\d+/);
};
const unfiltered = (body: Loose) => host(body, { SecurityOpt: ["no-new-privileges", "seccomp=unconfined"] });
const allPowers = (body: Loose) => host(body, { CapDrop: [], CapAdd: powers });
const writable =
  (target: string): NonNullable<Removal["alter"]> =>
  (body) => {
    for (const mount of body.HostConfig.Mounts) if (mount.Target === target) mount.ReadOnly = false;
  };
const mount = (body: Loose, source: string, target: string, readOnly = true) =>
  body.HostConfig.Mounts.push({
    ...{ Type: "bind", Source: source, Target: target, ReadOnly: readOnly },
    BindOptions: { Propagation: "rprivate" },
  });
const mountRemoval = (control: Control, target: string, quick = false): Removal => ({
  ...{ name: control, controls: [control], quick },
  alter: writable(target),
});
const withoutUlimit = (name: string) => (body: Loose) =>
  host(body, { Ulimits: body.HostConfig.Ulimits.filter(({ Name }) => Name !== name) });
const tmpfs = (body: Loose, target: string, option: RegExp) => {
  const { Tmpfs } = body.HostConfig;
  Tmpfs[target] = (Tmpfs[target] ?? "").replace(option, "");
};
/** A folder of the scratch session that belongs to the container's user. */
const ownFolder = ({ scratch, uid }: World, name: string) => {
  const path = join(scratch.folder.root, name);
  if (!existsSync(path)) {
    mkdirSync(path);
    chownSync(path, uid, uid);
  }
  return path;
};

/** For the keys of such doors, while this process lasts. */
let keys = "";
function keysDir(): string {
  if (keys === "") {
    keys = mkdtempSync(join(tmpdir(), "nanoclaw-door-"));
    process.once("exit", () => rmSync(keys, { recursive: true, force: true }));
  }
  return keys;
}

/** The door as it is, but with these rules and limits. */
function realDoor(upstream: Upstream, secret: string, egress: Egress, limits: Limits): Gateway {
  return new Gateway({
    ...{ upstream: () => upstream, credential: async () => ({ kind: "api_key", secret }), record: () => {} },
    intend: async () => null,
    meter: { ask: () => ({ allow: true, id: 1 }), goesOn: () => true, ended: () => {} },
    network: { egress, keysDir: keysDir() },
    ...{ limits, log: silentLog },
  });
}

/**
 * What stands in the gateway's place answers whoever asks for an address, but has no way to the network, and how many
 * requests it passes on in a second depends on the machine.
 */
const ofNaiveDoor = ["door.requests", "door.stranger", "door.host-addresses"];

export const removals: Removal[] = [
  { name: "the system call filter", controls: ["filter"], alter: unfiltered, quick: true },
  { name: "the unprivileged user", controls: ["user"], alter: (body, _, world) => asRoot(body, world), quick: true },
  {
    ...{ name: "the lack of capabilities, for a user who can use them", controls: ["user", "capabilities"] },
    except: powerless,
    alter(body, _, world) {
      asRoot(body, world);
      allPowers(body);
    },
  },
  {
    name: "the filter and the lack of capabilities",
    controls: ["user", "capabilities", "filter", "filter and no capabilities"],
    except: powerless,
    alter(body, _, world) {
      asRoot(body, world);
      allPowers(body);
      unfiltered(body);
    },
  },
  {
    ...{ name: "no new privileges", controls: ["privileges"] },
    alter: (body) =>
      host(body, { SecurityOpt: body.HostConfig.SecurityOpt.filter((option) => option !== "no-new-privileges") }),
  },
  {
    name: "the read-only root",
    controls: ["root"],
    alter: (body) => host(body, { ReadonlyRootfs: false }),
  },
  { name: "the hidden parts of /proc and /sys", controls: ["masks"], alter: (body) => host(body, { MaskedPaths: [] }) },
  {
    ...{ name: "the read-only parts of /proc, and the unprivileged user", controls: ["kernel settings", "user"] },
    alter(body, _, world) {
      asRoot(body, world);
      host(body, { ReadonlyPaths: [] });
    },
  },
  {
    ...{ name: "a network of its own: the host's is given", controls: ["network"] },
    alter(body) {
      host(body, { NetworkMode: "host" });
      Object.assign(body, { NetworkDisabled: false, Hostname: "nanoclaw" });
    },
  },
  {
    ...{ name: "no network: the engine's bridge is given", controls: ["network"] },
    except: ["network.host-loopback", "network.host-loopback6", "network.abstract-socket", "network.ipv6"],
    alter(body) {
      host(body, { NetworkMode: "bridge" });
      Object.assign(body, { NetworkDisabled: false });
    },
  },
  {
    ...{ name: "a process list of its own", controls: ["process list"] },
    alter: (body) => host(body, { PidMode: "host" }),
  },
  { name: "shared memory of its own", controls: ["shared memory"], alter: (body) => host(body, { IpcMode: "host" }) },
  {
    ...{ name: "a host name of its own", controls: ["host name"] },
    alter(body) {
      host(body, { UTSMode: "host" });
      Object.assign(body, { Hostname: "" });
    },
  },
  {
    name: "a view of its own of the limits",
    controls: ["cgroup view"],
    alter: (body) => host(body, { CgroupnsMode: "host" }),
  },
  {
    ...{ name: "no devices, for a user who can use them", controls: ["devices", "user"] },
    alter(body, _, world) {
      asRoot(body, world);
      const names = ["/dev/fuse", "/dev/net/tun"].filter((path) => existsSync(path));
      host(body, {
        Devices: names.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" })),
      });
    },
  },
  {
    ...{ name: "no engine socket", controls: ["engine"] },
    alter(body) {
      mount(body, "/var/run/docker.sock", "/var/run/docker.sock");
      host(body, { GroupAdd: [String(statSync("/var/run/docker.sock").gid)] });
    },
  },
  mountRemoval("inbound mount", inside.inboundDir, true),
  mountRemoval("config mount", inside.configDir),
  mountRemoval("runner mount", inside.runnerDir),
  mountRemoval("providers mount", inside.providersDir),
  mountRemoval("protocol mount", inside.protocolDir),
  mountRemoval("hosts mount", "/etc/hosts"),
  mountRemoval("socket mount", inside.socketDir),
  mountRemoval("granted mounts", "/mnt/granted"),
  {
    ...{ name: "mailbox files mounted one by one", controls: ["single files"] },
    alter(body, _, { scratch, uid }) {
      const out = dirname(scratch.folder.outboundDb);
      chownSync(out, uid, uid);
      const files: string[] = [inside.outboundDb, inside.outboundJournal];
      host(body, { Mounts: body.HostConfig.Mounts.filter(({ Target }) => !files.includes(Target)) });
      mount(body, out, dirname(inside.outboundDb), false);
    },
  },
  { name: "the limit on memory", controls: ["memory"], alter: (body) => host(body, { Memory: 0, MemorySwap: 0 }) },
  {
    name: "the limit on processes",
    controls: ["processes"],
    alter: (body) => host(body, { PidsLimit: null }),
  },
  {
    ...{ name: "the limit on processor time", controls: ["processor"] },
    parts: { adjust: (spec) => ({ ...spec, limits: { ...spec.limits, cpus: 0.05 } }) },
    alter: (body) => host(body, { NanoCpus: 0 }),
  },
  { name: "the limit on open files", controls: ["open files"], alter: withoutUlimit("nofile") },
  { name: "the limit on a file's size", controls: ["file size"], alter: withoutUlimit("fsize") },
  { name: "no memory images", controls: ["core"], alter: withoutUlimit("core") },
  { name: "the size of /tmp", controls: ["tmp size"], alter: (body) => tmpfs(body, "/tmp", /,size=\d+/) },
  { name: "the size of the home", controls: ["home size"], alter: (body) => tmpfs(body, inside.home, /,size=\d+/) },
  { name: "the size of shared memory", controls: ["shm size"], alter: (body) => host(body, { ShmSize: 2 ** 30 }) },
  {
    name: "the limit on files in memory",
    controls: ["inodes"],
    alter: (body) => tmpfs(body, inside.home, /,nr_inodes=\d+/),
  },
  {
    ...{ name: "home and /tmp in memory", controls: ["fresh folders"] },
    alter(body, _, world) {
      host(body, { Tmpfs: {} });
      mount(body, ownFolder(world, "kept-home"), inside.home, false);
      mount(body, ownFolder(world, "kept-tmp"), "/tmp", false);
    },
  },
  {
    ...{ name: "no secret in a container", controls: ["secrets"] },
    alter(body, _, { scratch, watch }) {
      body.Env.push(`KEY=${watch.secret}`);
      body.Cmd.push(watch.secret);
      chmodSync(scratch.private, 0o755);
      chmodSync(join(scratch.private, "key"), 0o644);
      mount(body, scratch.private, "/mnt/private");
    },
  },
  {
    // Two walks over every file find it there too, which is what they are for.
    ...{ name: "only its own session", controls: ["sessions"] },
    alter(body, _, { scratch }) {
      mount(body, dirname(scratch.folder.root), "/mnt/sessions");
    },
  },
  {
    ...{
      name: "the gateway's rules and limits",
      controls: ["gateway rules", "bell limit", "gateway limits"],
    },
    unsure: ofNaiveDoor,
    parts: { doorTo: (upstream) => new NaiveDoor(upstream) },
  },
  {
    ...{ name: "the gateway's limits", controls: ["gateway limits"] },
    parts: {
      doorTo: (upstream, secret, egress) =>
        realDoor(upstream, secret, egress, { ...defaultLimits, connections: 10_000, rate: 1e6, burst: 1e6 }),
    },
  },
  {
    ...{ name: "the check of where an address leads", controls: ["private addresses"], quick: true },
    parts: { doorTo: (upstream, secret) => realDoor(upstream, secret, privateOnly(true), defaultLimits) },
  },
  { name: "names of files that can't be paths", controls: ["uploads"], parts: { files: naiveFiles } },
  {
    ...{
      name: "the size of a file that leaves",
      controls: ["upload size", "uploads", "gateway rules", "bell limit", "gateway limits"],
    },
    unsure: ofNaiveDoor,
    parts: { files: naiveFiles, doorTo: (upstream) => new NaiveDoor(upstream) },
  },
  {
    ...{ name: "the checks of what a row says", controls: ["claims", "rows"], quick: true },
    parts: { takerOf: naiveTaker },
  },
  {
    ...{ name: "the gate in front of what agents may do", controls: ["agents' gate"], quick: true },
    parts: { carryOutOf: naiveGate },
  },
  {
    ...{ name: "reading the mailbox as bytes", controls: ["bytes"] },
    parts: { readers: naiveReaders },
  },
];

/** The image with a set-uid program in it. The caller removes it. */
export function setUidImage(image: string): string {
  const name = `nanoclaw-test-set-uid:${process.pid}`;
  const run = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();
  const id = run(
    "run",
    "-d",
    "--network",
    "none",
    "--user",
    "0",
    "--label",
    "nanoclaw.test=1",
    image,
    "chmod",
    "4755",
    "/usr/bin/env",
  );
  run("wait", id);
  run("commit", id, name);
  run("rm", id);
  return name;
}
