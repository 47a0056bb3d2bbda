/** What container a session gets: from its plan to the hardened spec. */
import { realpathSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { inside } from "../../protocol/layout.ts";
import type { Paths } from "../lib/paths.ts";
import type { Mount, SandboxSpec } from "../sandbox/sandbox.ts";
import { sessionSpec } from "../sandbox/spec.ts";
import type { ContainerPlan } from "./session-actor.ts";

/**
 * @param paths of the installation
 * @param extraMounts what a person lets the agent see beside its own
 * @param real folders are resolved to where they really are, because a link could be turned
 */
export function containerSpec(
  plan: ContainerPlan,
  paths: Paths,
  labels: Record<string, string>,
  extraMounts: Mount[] = [],
  real: (path: string) => string = realpathSync,
): SandboxSpec {
  const { session, group, folder } = plan;
  const root = real(folder.root);
  const spec = sessionSpec({
    installation: paths.installation,
    session: session.id,
    image: paths.image,
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
  });
  if (!plan.recovery) return spec;
  return { ...spec, name: `${spec.name}-recovery`, command: ["bun", "run", `${inside.runnerDir}/recover.ts`] };
}
