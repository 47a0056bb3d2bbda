/** What the verbs about agent groups do. */
import { agentGroupAt, createAgentGroup } from "../../src/agents/groups.ts";
import { TERMINAL_USER } from "../../src/channels/terminal.ts";
import type { Router } from "../../src/inbound/router.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { newMessagingGroupId, type Random, type SessionId, type UserId } from "../../src/lib/ids.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import type { Effects } from "../../src/control/execute.ts";

const WELCOME =
  "This is the first time that the owner meets you. Greet them in a few sentences: say who you are, that you run in a closed container on their own machine, and name two or three things that they could ask you to try.";

export interface GroupParts {
  store: Store;
  clock: Clock;
  random: Random;
  router: Router;
  supervisor: Supervisor;
  groupsDir: string;
}

export function groupEffects(
  parts: GroupParts,
): Pick<Effects, "groups.list" | "groups.init" | "groups.set"> {
  const { store, clock } = parts;
  const owner = TERMINAL_USER as UserId;
  const shown = ({ folder, name, provider, model, runtime }: AgentGroup) => ({
    ...{ folder, name, provider, model, runtime },
    timeZone: store.users.user(owner)?.timeZone ?? "UTC",
  });
  return {
    "groups.list": () => store.groups.agentGroups().map(shown),

    "groups.init": ({ folder, name, timeZone, provider }, { record }) => {
      checkTimeZone(timeZone);
      const known = store.groups.agentGroupByFolder(folder);
      if (known && store.groups.messagingGroup("terminal", "main")) return shown(known);
      return record(`agent group:${folder}`, () => {
        store.users.put({ id: owner, name: "You", timeZone }, clock.now());
        if (store.users.owners().length === 0) store.users.grantOwner(owner);
        const wanted = { folder, name, provider, model: null, runtime: null };
        const group = known ?? createAgentGroup(store, parts.groupsDir, wanted, parts.random, clock.now());
        if (!store.groups.messagingGroup("terminal", "main")) wireMainChat(parts, group);
        return shown(group);
      });
    },

    "groups.set": ({ folder, timeZone, ...wanted }, { record }) => {
      const group = agentGroupAt(store, folder);
      if (timeZone) checkTimeZone(timeZone);
      const clear = (value: string | undefined, old: string | null) => (value === "default" ? null : (value ?? old));
      return record(`agent group:${group.id}`, () => {
        store.groups.updateAgentGroup(group.id, {
          name: wanted.name ?? group.name,
          provider: wanted.provider ?? group.provider,
          model: clear(wanted.model, group.model),
          runtime: clear(wanted.runtime, group.runtime),
        });
        if (timeZone)
          store.users.put({ id: owner, name: store.users.user(owner)?.name ?? "You", timeZone }, clock.now());
        const isIts = (id: SessionId) => store.sessions.session(id)?.agentGroup === group.id;
        store.db.afterCommit(() => parts.supervisor.dismissAll(isIts));
        return shown(agentGroupAt(store, folder));
      });
    },
  };
}

/** Wires the main terminal chat to the agent and asks it to introduce itself. */
function wireMainChat({ store, random, router }: GroupParts, group: AgentGroup): void {
  const room = newMessagingGroupId(random);
  const terminal = { channel: "terminal", unknownSenderPolicy: "strict", directUser: TERMINAL_USER } as const;
  store.groups.addMessagingGroup({ ...terminal, id: room, chat: "main" });
  store.groups.wire(room, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
  const target = { agentGroup: group.id, conversation: "terminal/main", thread: null };
  router.tell({ channel: "terminal", chat: "main", thread: null }, target, WELCOME, `welcome:${group.id}`);
}

function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    throw new Misuse(`there is no time zone "${timeZone}"`, "Use an IANA name such as Europe/Berlin.");
  }
}
