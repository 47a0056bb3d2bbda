/** What to do about the container engine: a pure decision from facts about the machine, made again after each action. */

export interface EngineFacts {
  platform: NodeJS.Platform;
  /** Ids from os-release, most special first. */
  distribution: string[];
  /** The service manager is systemd, and it runs. */
  systemd: boolean;
  hasClient: boolean;
  hasDaemon: boolean;
  /** DOCKER_HOST, where the person has set it. */
  dockerHost: string | null;
  /** What the engine answered to us. */
  answer: { status: "ready"; version: string; runtimes: string[] } | { status: "forbidden" | "silent"; detail: string };
  /** gVisor's binary is there. */
  hasGvisor: boolean;
  /** The person wants gVisor's runtime too: the tests need it. */
  wantsGvisor: boolean;
}

export type EngineAction =
  | { do: "nothing"; version: string }
  | { do: "install"; packages: string[] }
  | { do: "start"; with: "systemd" | "dockerd" }
  /** Lets this user talk to the engine. */
  | { do: "permit" }
  | { do: "add gVisor" }
  | { do: "tell"; what: string; next: string };

const GUIDES: Record<string, string> = {
  fedora: "sudo dnf install moby-engine && sudo systemctl enable --now docker",
  arch: "sudo pacman -S docker && sudo systemctl enable --now docker",
  suse: "sudo zypper install docker && sudo systemctl enable --now docker",
  alpine: "apk add docker && rc-service docker start",
};
const AGAIN = "Then run this again.";

export function planEngine(facts: EngineFacts): EngineAction {
  const { answer } = facts;
  const debian = facts.distribution.includes("debian");
  if (facts.dockerHost && !facts.dockerHost.startsWith("unix://")) {
    return {
      do: "tell",
      what: `DOCKER_HOST is ${facts.dockerHost}, but only an engine on this machine can be used`,
      next: `Unset DOCKER_HOST, or set it to the Unix socket of an engine here. ${AGAIN}`,
    };
  }
  if (answer.status === "ready") {
    if (!facts.wantsGvisor || answer.runtimes.includes("runsc")) return { do: "nothing", version: answer.version };
    if (facts.hasGvisor) return { do: "add gVisor" };
    if (debian) return { do: "install", packages: ["runsc"] };
    return {
      do: "tell",
      what: "the engine has no gVisor runtime, which the tests need",
      next: `Install runsc and add it to the engine as the runtime "runsc". ${AGAIN}`,
    };
  }
  if (facts.dockerHost) {
    return {
      do: "tell",
      what: `no container engine answers at DOCKER_HOST=${facts.dockerHost}: ${answer.detail}`,
      next: `Start it there, or unset DOCKER_HOST to use this machine's own. ${AGAIN}`,
    };
  }
  if (facts.platform === "darwin") {
    return {
      do: "tell",
      what: facts.hasClient ? "Docker is installed but does not run" : "no container engine was found",
      next: `Install and start Docker Desktop, OrbStack or Colima. ${AGAIN}`,
    };
  }
  if (answer.status === "forbidden") return { do: "permit" };
  if (!facts.hasClient || !facts.hasDaemon) {
    if (!debian) {
      const guide = facts.distribution.map((id) => GUIDES[id]).find(Boolean);
      return {
        do: "tell",
        what: "no container engine was found",
        next: `Install Docker${guide ? `: ${guide}` : " for this system and start it"}. ${AGAIN}`,
      };
    }
    return { do: "install", packages: facts.wantsGvisor && !facts.hasGvisor ? ["docker.io", "runsc"] : ["docker.io"] };
  }
  if (facts.wantsGvisor && !facts.hasGvisor && debian) return { do: "install", packages: ["runsc"] };
  return { do: "start", with: facts.systemd ? "systemd" : "dockerd" };
}

type DaemonConfig = Record<string, unknown> & { runtimes?: Record<string, unknown> };

/** gVisor as the engine has to start it: no network stack of its own, host sockets allowed for the session socket. */
export function withGvisor(config: DaemonConfig, path: string): DaemonConfig {
  const runtimeArgs = ["--network=none", "--ignore-cgroups", "--fsgofer-host-uds"];
  return { ...config, runtimes: { ...config.runtimes, runsc: { path, runtimeArgs } } };
}

/** Whether an error of the Docker client means that the engine is there but not for this user. */
export function forbidden(stderr: string): boolean {
  return /permission denied/i.test(stderr);
}
