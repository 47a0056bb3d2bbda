/** The Docker driver: hardened containers over the Engine API, without the docker command. Linux engines of this machine. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { EngineError } from "../../src/lib/errors.ts";
import { checkRealPaths } from "../../src/sandbox/real-paths.ts";
import type { Sandbox, SandboxDriver, SandboxSpec, Survivor } from "../../src/sandbox/sandbox.ts";
import { checkSpec } from "../../src/sandbox/spec.ts";
import { engineSocket } from "./connection.ts";
import { DockerContainer } from "./container.ts";
import { createBody } from "./create-body.ts";
import { dockerCommand } from "./describe.ts";
import { Engine, type EngineInfo, Refused } from "./engine.ts";
import { explain, isUnknownRuntime } from "./explain.ts";

const SECCOMP_FILE = resolve(import.meta.dirname, "../../container/image/seccomp.json");

export interface DockerOptions {
  /** The engine's socket; without it `DOCKER_HOST` or the system's engine. */
  socketPath?: string;
  seccompFile?: string;
  clock?: Clock;
}

export class DockerDriver implements SandboxDriver {
  readonly id = "docker";
  readonly cannot: string[] = [];
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #seccompFile: string;
  readonly #seccomp: string;
  /** What the engine said of itself when it was checked last. */
  #info: EngineInfo | null = null;
  readonly #closed = new AbortController();

  /** @throws EngineError where DOCKER_HOST names an engine elsewhere. */
  constructor({ socketPath = engineSocket(), seccompFile = SECCOMP_FILE, clock = systemClock }: DockerOptions = {}) {
    this.#engine = new Engine(socketPath);
    this.#clock = clock;
    this.#seccompFile = seccompFile;
    this.#seccomp = JSON.stringify(JSON.parse(readFileSync(seccompFile, "utf8")));
  }

  lacks(runtime: string | null): Record<string, string> {
    return this.#info === null ? {} : lacking(this.#info, runtime);
  }

  async check(): Promise<{ version: string; runtimes: string[] }> {
    const [version, info] = await Promise.all([this.#engine.version(), this.#engine.info()]).catch((error) => {
      throw error instanceof Refused ? new EngineError(`the engine refused: ${error.message}`, "`docker info`") : error;
    });
    if (info.OSType !== "linux" || process.platform !== "linux" || info.OperatingSystem === "Docker Desktop") {
      throw new EngineError(
        `the container engine runs in a virtual machine (${info.OperatingSystem}), where a session's socket can't be mounted`,
        "Use Docker Engine on Linux; on Debian and Ubuntu `bash nanoclaw.sh` installs it.",
      );
    }
    this.#info = info;
    this.cannot.splice(0, this.cannot.length, ...missing(info));
    return { version: version.Version, runtimes: runtimesOf(info) };
  }

  /** @throws EngineError, Retryable, or Misuse for a spec that breaks a rule. Nothing is left behind then. */
  async start(spec: SandboxSpec): Promise<Sandbox> {
    checkSpec(spec);
    await checkRealPaths(spec);
    try {
      const id = await this.#create(spec);
      try {
        await this.#engine.start(id);
      } catch (error) {
        await this.#engine.remove(id).catch(() => {});
        throw error;
      }
      return this.#container(id, spec.name);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const asked = isUnknownRuntime(error.message) ? await this.#engine.info().catch(() => null) : null;
      throw explain(error, spec, asked && runtimesOf(asked));
    }
  }

  async survivors(labels: Record<string, string>): Promise<Survivor[]> {
    const found = await this.#engine.list(labels);
    const [running, ended] = [found.filter(isRunning), found.filter((one) => !isRunning(one))];
    await Promise.all(ended.map(({ Id }) => this.#engine.remove(Id).catch(() => {})));
    return running.map(({ Id, Names, Labels }) => ({
      labels: Labels ?? {},
      sandbox: this.#container(Id, (Names[0] ?? Id).replace(/^\//, "")),
    }));
  }

  describe(spec: SandboxSpec): string {
    return dockerCommand(spec, this.#seccompFile);
  }

  /** Watches no container any more, so that the process can end; the containers go on. */
  close(): void {
    this.#closed.abort();
  }

  /** A container of the same session that has ended is in the way of its successor after a crash: it is removed. */
  async #create(spec: SandboxSpec): Promise<string> {
    const body = createBody(spec, this.#seccomp);
    try {
      return await this.#engine.create(spec.name, body);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 409) throw error;
      const other = await this.#engine.inspect(spec.name);
      const label = "nanoclaw.session";
      const same = spec.labels[label] !== undefined && other.Config.Labels?.[label] === spec.labels[label];
      if (other.State.Running || !same) throw error;
      await this.#engine.remove(other.Id);
      return this.#engine.create(spec.name, body);
    }
  }

  #container(id: string, name: string): Sandbox {
    return new DockerContainer(id, name, { engine: this.#engine, clock: this.#clock, closed: this.#closed.signal });
  }
}

/** The controls that this engine, as it was set up, leaves out without a word. */
function missing(info: EngineInfo): string[] {
  const ignoring = Object.entries(info.Runtimes).filter(([, { runtimeArgs }]) =>
    runtimeArgs?.includes("--ignore-cgroups"),
  );
  return [
    ...(info.SecurityOptions?.some((option) => option.startsWith("name=seccomp")) ? [] : ["seccomp profile"]),
    ...(info.MemoryLimit ? [] : ["limit on memory"]),
    ...(info.PidsLimit ? [] : ["limit on processes"]),
    ...(info.CpuCfsQuota ? [] : ["limit on processor time"]),
    ...ignoring.map(
      ([name]) => `any limit on memory, processes and processor time under ${name}: it is set to ignore cgroups`,
    ),
  ];
}

/** gVisor answers these by a kernel of its own, as it likes: our filter is not asked, and nothing of the machine is behind it. */
const OWN_KERNEL = ["filter", "filter and no capabilities", "capabilities", "devices", "masks", "inodes"];
const GVISOR = "it reached gVisor's own kernel, not the machine's";

/** The controls of parts/prove/controls.ts that a container goes without. */
function lacking(info: EngineInfo, runtime: string | null): Record<string, string> {
  const name = runtime ?? info.DefaultRuntime;
  const ignores = info.Runtimes[name]?.runtimeArgs?.includes("--ignore-cgroups") ?? false;
  const limits = { memory: info.MemoryLimit, processes: info.PidsLimit, processor: info.CpuCfsQuota };
  const missing = Object.entries(limits).filter(([, has]) => ignores || !has);
  const why = ignores ? `${name} is set to ignore cgroups here` : "the engine's kernel has no such limit";
  return {
    ...Object.fromEntries(missing.map(([control]) => [control, why])),
    ...(name === "runsc" && Object.fromEntries(OWN_KERNEL.map((control) => [control, GVISOR]))),
  };
}

function runtimesOf(info: EngineInfo): string[] {
  // The names with dots are containerd's own spelling of runc.
  return Object.keys(info.Runtimes).filter((name) => !name.includes("."));
}

function isRunning({ State }: { State: string }): boolean {
  return State === "running" || State === "paused" || State === "restarting";
}
