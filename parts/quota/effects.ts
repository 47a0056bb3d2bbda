/** What the verbs about workspaces' limits do. */
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import type { QuotaGuard } from "./guard.ts";

export function quotaEffects(store: Store, guard: QuotaGuard): Pick<Effects, `quota.${"list" | "set" | "check"}`> {
  const shown = (group: AgentGroup) => {
    const limit = guard.book.limit(group.id);
    const { found, at, most, full } = guard.book.known(group.id);
    const state = full ? "full: nothing starts" : most ? "above its limit: it may run to clear up" : "within its limit";
    return {
      ...{ group: group.folder, bytes: found?.bytes ?? null, limitBytes: limit.bytes },
      ...{ files: found?.files ?? null, limitFiles: limit.files },
      ...{ hidden: found?.hidden ?? 0, at: found ? at : null, state: found ? state : "not looked into yet" },
    };
  };
  return {
    "quota.list": () => store.groups.agentGroups().map(shown),
    "quota.set": ({ folder, gigabytes, files }, { record }) => {
      const group = agentGroupAt(store, folder);
      if (gigabytes === undefined && files === undefined)
        throw new Misuse("nothing was said to be changed", "Give --gigabytes, --files or both.");
      const before = guard.book.limit(group.id);
      const bytes = gigabytes === undefined ? before.bytes : Math.round(gigabytes * 1e9);
      const limit = { bytes, files: files ?? before.files };
      return record(
        `agent group:${folder}`,
        () => {
          guard.book.setLimit(group.id, limit);
          store.db.afterCommit(() => guard.changed(group.id));
          return shown(group);
        },
        { ...limit, before },
      );
    },
    "quota.check": async ({ folder }) => {
      const group = agentGroupAt(store, folder);
      await guard.look(group);
      return shown(group);
    },
  };
}
