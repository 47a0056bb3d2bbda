/** What an engine's refusal means and what to do about it, from its words. Pure. */
import { EngineError, Retryable } from "../../src/lib/errors.ts";
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";

export interface Refusal {
  status: number;
  message: string;
}

/** @param runtimes those that the engine knows, or null where it was not asked. */
export function explain(
  { status, message }: Refusal,
  spec: Pick<SandboxSpec, "name" | "image" | "runtime">,
  runtimes: string[] | null,
): EngineError | Retryable {
  if (/does not (match|provide) the specified platform/i.test(message)) {
    const [, built] = /actual: ([\w./-]+)/.exec(message) ?? [];
    return new EngineError(
      `the image ${spec.image} is for another kind of machine${built ? ` (${built})` : ""}`,
      "Build it on this machine: `bash container/build.sh`.",
    );
  }
  if (/no such image/i.test(message)) {
    return new EngineError(`the image ${spec.image} is not on this machine`, "Build it: `bash container/build.sh`.");
  }
  if (isUnknownRuntime(message)) {
    const known = runtimes?.length ? ` It has: ${runtimes.join(", ")}.` : "";
    return new EngineError(
      `the container engine has no runtime ${spec.runtime}`,
      `Choose another runtime, or add it to /etc/docker/daemon.json and restart the engine.${known}`,
    );
  }
  if (/no space left on device|disk quota exceeded/i.test(message)) {
    return new EngineError(
      "the disk of the container engine is full",
      "Free space (`docker system df` shows what it uses, `docker system prune` removes what nothing needs).",
    );
  }
  if (status === 409 && /name .* is already in use/i.test(message)) {
    return new EngineError(
      `another container has the name ${spec.name}`,
      `If it is not needed: \`docker rm -f ${spec.name}\`.`,
    );
  }
  if (/docker-init|tini/.test(message) && /not found|no such file/i.test(message)) {
    return new EngineError("the container engine lacks its init program", "Install it: `sudo apt-get install tini`.");
  }
  if (/bind source path does not exist|invalid mount config/i.test(message)) {
    return new EngineError(`a mount was refused: ${message}`, "Start the session again; its folder is made anew.");
  }
  if (/seccomp/i.test(message)) {
    return new EngineError(
      `the container engine refused the seccomp profile: ${message}`,
      "An engine of version 20.10 or later, built with seccomp, is needed: `docker info` tells both.",
    );
  }
  if (status === 503) return new Retryable(`the container engine is not ready: ${message}`);
  return new EngineError(
    `the container engine refused: ${message || `status ${status}`}`,
    "`docker info` shows its state.",
  );
}

export function isUnknownRuntime(message: string): boolean {
  return /unknown( or invalid)? runtime/i.test(message);
}
