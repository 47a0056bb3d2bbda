/**
 * Builds the one kind of container that a session gets (docs/security.md): from plain inputs to plain data, without
 * effects. What it returns has passed `checkSpec`, so no mount of it can be moved away or reached by a second way.
 */
import { posix } from "node:path";
import { inside } from "../../protocol/layout.ts";
import { Misuse } from "../lib/errors.ts";
import type { Mount, SandboxSpec } from "./sandbox.ts";

/** Paths of the host; each absolute and real, because a link in one could be turned to another place later. */
interface SessionSources {
  /** The project folder, whose `container/{runner,providers}` and `protocol` run inside; readable by every user. */
  root: string;
  inboundDir: string;
  outboundDb: string;
  outboundJournal: string;
  configDir: string;
  providerDir: string;
  workspace: string;
  /** Holds `session.sock`. */
  socketDir: string;
}

export interface SessionContainer {
  installation: string;
  session: string;
  image: string;
  /** Engine runtime, or null for the engine's default. */
  runtime: string | null;
  /** Who runs inside; never root. */
  user: { uid: number; gid: number };
  sources: SessionSources;
  /** What a person allowed beside that. */
  extraMounts?: Mount[];
  command?: string[];
  /** IANA name, e.g. "Europe/Berlin". */
  timeZone: string;
  /** More variables. No secret belongs here. */
  environment?: Record<string, string>;
  labels?: Record<string, string>;
  limits?: Partial<SandboxSpec["limits"]>;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/**
 * An agent with its SDK takes about 300 MB; the rest is for what it runs. `openFiles` stays below 20,000, the hard limit
 * under which some engines run themselves and which they cannot raise.
 */
const DEFAULT_LIMITS = { memoryBytes: 2 * GiB, pids: 512, cpus: 1, openFiles: 8192, fileSizeBytes: 2 * GiB };
/** Memory-backed, so they count as the container's memory; each may hold at most this. */
const TMP_BYTES = 512 * MiB;
const HOME_BYTES = 256 * MiB;
/** Files and folders in each: empty ones take the kernel's memory too. A large tree of packages has some 50,000. */
const TMP_FILES = 100_000;

/** The hardened spec of a session's container. @throws Misuse that names the input which can't be. */
export function sessionSpec(input: SessionContainer): SandboxSpec {
  const { sources, user } = input;
  const spec: SandboxSpec = {
    name: `nanoclaw-${input.installation}-${input.session}`,
    image: input.image,
    command: input.command ?? ["bun", "run", inside.runnerMain],
    runtime: input.runtime,
    user,
    environment: {
      // The uid has no name in the image; what asks for one finds it here.
      HOME: inside.home,
      USER: "agent",
      LOGNAME: "agent",
      LANG: "C.UTF-8",
      TMPDIR: "/tmp",
      TZ: input.timeZone,
      ...throughTheDoor(),
      // Its garbage timer alone takes a tenth of a percent of a core in each runner that rests.
      BUN_GC_TIMER_DISABLE: "1",
      ...input.environment,
    },
    labels: {
      ...input.labels,
      "nanoclaw.installation": input.installation,
      "nanoclaw.session": input.session,
    },
    mounts: [
      { source: sources.inboundDir, target: inside.inboundDir, readOnly: true },
      // Single files: inside they can be written, but not unlinked, renamed or replaced by a link.
      { source: sources.outboundDb, target: inside.outboundDb, readOnly: false },
      { source: sources.outboundJournal, target: inside.outboundJournal, readOnly: false },
      { source: sources.configDir, target: inside.configDir, readOnly: true },
      { source: sources.providerDir, target: inside.providerState, readOnly: false },
      { source: sources.workspace, target: inside.workspace, readOnly: false },
      { source: `${sources.root}/container/runner`, target: inside.runnerDir, readOnly: true },
      { source: `${sources.root}/container/providers`, target: inside.providersDir, readOnly: true },
      { source: `${sources.root}/protocol`, target: inside.protocolDir, readOnly: true },
      // Engines that set up no network leave this file empty, and then loopback has no name.
      { source: `${sources.root}/container/image/hosts`, target: "/etc/hosts", readOnly: true },
      ...(input.extraMounts ?? []),
    ],
    // Programs may run from them: an agent's scripts, builds and tools do, and forbidding it stops no interpreter.
    tmpfs: [
      { target: "/tmp", size: TMP_BYTES, files: TMP_FILES, uid: user.uid, mode: 0o1777 },
      { target: inside.home, size: HOME_BYTES, files: TMP_FILES, uid: user.uid, mode: 0o700 },
    ],
    workingDir: inside.workspace,
    limits: { ...DEFAULT_LIMITS, ...input.limits },
    socket: { dir: sources.socketDir, target: inside.socketDir },
  };
  checkSpec(spec);
  return spec;
}

/** Leads the usual tools to the proxy, and tells them whom to trust. */
function throughTheDoor(): Record<string, string> {
  const proxy = `http://127.0.0.1:${inside.proxyPort}`;
  const all = (names: string[], value: string) => Object.fromEntries(names.map((name) => [name, value]));
  return {
    ...all(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"], proxy),
    // The way to the model among them.
    ...all(["NO_PROXY", "no_proxy"], "127.0.0.1,localhost,::1"),
    ...all(["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO"], inside.authorities),
    ...all(["AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "DENO_CERT", "npm_config_cafile"], inside.authorities),
    // Node and Bun bring everybody's, and read this file at each start.
    NODE_EXTRA_CA_CERTS: inside.ownAuthority,
    NODE_USE_ENV_PROXY: "1",
  };
}

/** @throws Misuse where a spec breaks a rule that every driver relies on. */
export function checkSpec(spec: SandboxSpec): void {
  const mounts = [...spec.mounts, { source: spec.socket.dir, target: spec.socket.target, readOnly: true }];
  checkName(spec.name);
  checkUser(spec.user);
  checkLimits(spec.limits);
  for (const { source, target } of mounts) {
    checkPath("mount source", source);
    checkPath("mount target", target);
  }
  for (const { target } of spec.tmpfs) checkPath("mount target", target);
  checkTargets([
    ...mounts.map(({ target, readOnly }) => ({ target, writable: !readOnly })),
    ...spec.tmpfs.map(({ target }) => ({ target, writable: true })),
  ]);
  checkSources(mounts);
}

function checkName(name: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/.test(name)) throw new Misuse(`${name} is no container name`);
}

function checkUser({ uid, gid }: SandboxSpec["user"]): void {
  for (const id of [uid, gid]) {
    if (!Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1) {
      throw new Misuse(`a container can't run as user ${uid}:${gid}`, "Name an unprivileged user and group, not root.");
    }
  }
}

const BOUNDS: Record<keyof SandboxSpec["limits"], [least: number, most: number]> = {
  memoryBytes: [64 * MiB, 1024 * GiB],
  pids: [16, 32_768],
  cpus: [0.01, 512],
  openFiles: [64, 1_048_576],
  fileSizeBytes: [MiB, 1024 * GiB],
};

function checkLimits(limits: SandboxSpec["limits"]): void {
  for (const key of Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]) {
    const [least, most] = BOUNDS[key];
    const value = limits[key];
    if (!(value >= least && value <= most) || (key !== "cpus" && !Number.isInteger(value))) {
      throw new Misuse(`limit ${key} of ${value} is outside ${least} to ${most}`);
    }
  }
}

/** Commas and colons separate the parts of a mount on some engines' command lines; a control character is never meant. */
function checkPath(what: string, path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!posix.isAbsolute(path) || posix.normalize(path) !== path || path === "/" || /[:,\x00-\x1f\x7f]|\/$/.test(path)) {
    throw new Misuse(
      `${what} ${JSON.stringify(path)} can't be used`,
      "Give an absolute path without '..', ':', ',' or a '/' at its end.",
    );
  }
}

/** A target below a writable one could be renamed away with its parent, and a link in its place would be followed. */
function checkTargets(targets: { target: string; writable: boolean }[]): void {
  for (const [i, one] of targets.entries()) {
    for (const [j, other] of targets.entries()) {
      if (i === j) continue;
      if (one.target === other.target) throw new Misuse(`two mounts have the target ${one.target}`);
      if (other.writable && isBelow(one.target, other.target)) {
        throw new Misuse(`mount target ${one.target} lies below ${other.target}, which the container can write`);
      }
    }
  }
}

/** What is mounted read-only must not be reachable through a writable mount of a folder above it. */
function checkSources(mounts: Mount[]): void {
  for (const [i, one] of mounts.entries()) {
    for (const [j, other] of mounts.entries()) {
      if (i === j || other.readOnly) continue;
      if (one.source === other.source || isBelow(one.source, other.source)) {
        throw new Misuse(`${one.source} would be writable by way of the mount of ${other.source}`);
      }
    }
  }
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(`${parent}/`);
}
