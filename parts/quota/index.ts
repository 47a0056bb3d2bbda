/**
 * How much an agent's workspace may hold: a part that the way of a message can do without. It stands between the sessions and the
 * driver of their containers, and has verbs of its own.
 */
import { quotaEffects } from "./effects.ts";
import { type Containers, QuotaGuard, type QuotaParts } from "./guard.ts";

export interface WorkspaceQuota {
  /** What sessions are started with. */
  containers: Containers;
  effects: ReturnType<typeof quotaEffects>;
  /** Before the sessions are stopped. */
  stop(): Promise<void>;
}

export function workspaceQuota(parts: QuotaParts): WorkspaceQuota {
  const guard = new QuotaGuard(parts);
  return {
    containers: guard.containers,
    effects: quotaEffects(parts.store, guard),
    stop: () => guard.stop(),
  };
}
