/** What the verbs about sessions do: `sessions.*`. */
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";

export interface ConversationParts {
  store: Store;
  /** Asked for when a verb is carried out. */
  supervisor(): Pick<Supervisor, "stateOf" | "stopWork" | "renew">;
}

type SessionVerb = "list" | "show" | "stop" | "reset";

export function conversationEffects({
  store,
  supervisor,
}: ConversationParts): Pick<Effects, `sessions.${SessionVerb}`> {
  const sessionAt = (id: string, { permit }: Pick<EffectContext, "permit">): Session => {
    const session = store.sessions.session(id as SessionId);
    // Whose it would be decides who may hear that there is none.
    if (session) permit(session.agentGroup);
    else throw new Misuse(`there is no session "${id}"`, "`ncl sessions list` shows them.");
    return session;
  };
  const shown = (session: Session) => ({
    session: session.id,
    group: store.groups.agentGroup(session.agentGroup)?.folder ?? "",
    chat: `${session.channel}:${session.chat}`,
    state: supervisor().stateOf(session.id),
    queued: store.inbox.countUnfinished(session.id),
    lastAt: session.lastActiveAt,
  });
  /** Part of the open transaction. */
  const stop = (id: SessionId): void => {
    store.sessions.stop(id);
    store.db.afterCommit(() => supervisor().stopWork(id));
  };
  return {
    "sessions.list": ({ group, limit }) =>
      store.sessions.list(limit, group === undefined ? null : agentGroupAt(store, group).id).map(shown),

    "sessions.show": ({ session: id }, context) => {
      const session = sessionAt(id, context);
      const group = store.groups.agentGroup(session.agentGroup);
      return {
        ...shown(session),
        thread: session.thread ?? "",
        ...{ agent: group?.name ?? "", provider: group?.provider ?? "", model: group?.model ?? "default" },
        runtime: session.runtime ?? group?.runtime ?? "default",
        runningSince: store.turns.runningSince(session.id),
        anew: store.sessions.isToBeginAnew(session.id),
      };
    },

    "sessions.stop": ({ session: id }, context) => {
      const session = sessionAt(id, context);
      if (!store.inbox.hasWork(session.id)) return { stopped: false };
      return context.record(`session:${id}`, () => {
        stop(session.id);
        return { stopped: true };
      });
    },

    "sessions.reset": ({ session: id }, context) => {
      const session = sessionAt(id, context);
      return context.record(`session:${id}`, () => {
        if (store.inbox.hasWork(session.id)) stop(session.id);
        store.sessions.reset(session.id);
        store.db.afterCommit(() => supervisor().renew(session.id));
        return { done: true as const };
      });
    },
  };
}
