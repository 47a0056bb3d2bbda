/** What container a session gets: from its plan to the hardened spec. */
import { realpathSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { inside } from "../../protocol/layout.ts";
import type { Paths } from "../lib/paths.ts";
import type { Mount, SandboxSpec } from "../sandbox/sandbox.ts";
import { sessionSpec } from "../sandbox/spec.ts";
import type { ContainerPlan, Errand } from "./session-actor.ts";

/** What a one-shot container does where the host must not: in what a container has written. */
const errands: Record<Errand, string[]> = {
  recovery: ["bun", "run", `${inside.runnerDir}/recover.ts`],
  clearing: ["sh", "-c", `chmod -R u+rwX ${inside.providerState} && find ${inside.providerState} -mindepth 1 -delete`],
};

export interface ContainerExtras {
  /** In place of the installation's own. */
  image?: string;
  /** More variables. No secret belongs there, but what stands for one. */
  environment?: Record<string, string>;
  /** What a person lets the agent see beside its own. */
  extraMounts?: Mount[];
  /** Folders are resolved to where they really are, because a link could be turned. */
  real?: (path: string) => string;
}

/** @param paths of the installation */
export function containerSpec(
  plan: ContainerPlan,
  paths: Paths,
  labels: Record<string, string>,
  { image = paths.image, environment = {}, extraMounts = [], real = realpathSync }: ContainerExtras = {},
): SandboxSpec {
  const { session, group, folder } = plan;
  const root = real(folder.root);
  const spec = sessionSpec({
    installation: paths.installation,
    session: session.id,
    image,
    runtime: session.runtime ?? group.runtime,
    user: { uid: group.uid, gid: group.uid },
    sources: {
      root: paths.root,
      inboundDir: join(root, "in"),
      outboundDb: join(root, "out", "outbound.db"),
      outboundJournal: join(root, "out", "outbound.db-journal"),
      configDir: join(root, "config"),
      providerDir: join(root, "provider"),
      workspace: join(real(plan.groupFolder), "workspace"),
      socketDir: real(plan.socketDir),
    },
    extraMounts,
    timeZone: plan.timeZone,
    // One core alone makes a cold start a fifth longer; the engine refuses more cores than the machine has.
    limits: { cpus: Math.min(2, availableParallelism()) },
    labels,
    environment,
  });
  const { errand } = plan;
  return errand ? { ...spec, name: `${spec.name}-${errand}`, command: errands[errand] } : spec;
}
