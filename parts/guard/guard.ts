/**
 * The information-flow guard: knows of each agent group what untrusted text it has read and what private things it can
 * see, and decides whether what it is about to do may go ahead. Every label is durable before what it stands for reaches
 * the agent.
 */
import {
  type Act,
  judge,
  labelText,
  type Secret,
  type Sink,
  type Source,
  type Verdict,
} from "../../packages/flow-guard/judge.ts";
import { neutralise } from "../../packages/flow-guard/links.ts";
import type { FlowGuard, Spoken } from "../../src/access/flow-guard.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { AgentGroupId, SessionId, UserId } from "../../src/lib/ids.ts";
import type { Address } from "../../src/store/address.ts";
import type { InboundEvent } from "../../src/store/inbox.ts";
import type { Store } from "../../src/store/store.ts";
import type { GuardLabels, Side } from "./labels.ts";

export interface GuardParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  labels: GuardLabels;
  /** Whether a rule of the group says that this place is one to send to. */
  trusts(group: AgentGroupId, url: URL): boolean;
}

/** A request with what its answer brings. */
export type Outgoing = Extract<Act, { kind: "request" | "tunnel" }> & {
  /** What answers there may have been written by anybody: also in a registry of packages that one may well send to. */
  strangersText: boolean;
};

export type GuardVerdict = Verdict | { allow: true; because: "the guard is off" };

/** The same question of a group is one audit record in so long, milliseconds. */
const ONCE_IN = 60_000;
const MOST_ASKED = 1_000;

export class Guard implements FlowGuard {
  readonly #parts: GuardParts;
  /** When a group was last on record with a question about a sink. */
  readonly #asked = new Map<string, number>();

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  /** Synchronous and without a write, but for the audit record of a question. */
  judge(session: SessionId, act: Act): GuardVerdict {
    const group = this.#groupOf(session);
    const verdict = this.#verdict(group, act);
    if (!verdict.allow) this.#recordAsk(group, session, verdict);
    return verdict;
  }

  /** A request is let through: what its answer brings is written down before it goes. */
  passed(session: SessionId, { strangersText, ...act }: Outgoing): void {
    this.#parts.store.db.transaction(() => {
      if (strangersText) this.sawUntrusted(session, { kind: "host", name: act.host });
      if (act.kind === "request" && act.credential !== null)
        this.sawPrivate(session, { kind: "account", name: act.credential });
    });
  }

  /** The owner said yes to this for good, when asked about it. Part of the open transaction. */
  waive(group: AgentGroupId, { sources, sink }: { sources: Source[]; sink: Sink }): void {
    const { labels, audit, clock } = this.#parts;
    for (const source of sources) labels.waive(group, { source, sink }, clock.now());
    const detail = { group, sources: sources.slice(0, 10).map(labelText) };
    audit.append({ actor: "system", verb: "guard.waive", resource: labelText(sink), decision: "fact", detail });
  }

  /** The session gets to read this. Part of the open transaction, if there is one. */
  sawUntrusted(session: SessionId, source: Source): void {
    this.#saw(session, "untrusted", source);
  }

  /** The session gets to see this. As `sawUntrusted`. */
  sawPrivate(session: SessionId, what: Secret): void {
    this.#saw(session, "private", what);
  }

  heard(session: SessionId, event: InboundEvent): void {
    const { store, labels } = this.#parts;
    const { author, userId, files } = event;
    if (labels.isPrivateChat(event)) this.sawPrivate(session, chatLabel(event));
    // What a task says was written by the owner, or by the agent after whatever it had read: that is known already.
    if (author === "system" || userId.startsWith("task:")) return;
    if (userId.startsWith("agent:")) this.sawUntrusted(session, { kind: "agent", name: userId.slice(6) });
    else if (!store.users.isOwner(userId as UserId)) this.sawUntrusted(session, { kind: "stranger", name: userId });
    // Who sends a file vouches for sending it, not for what somebody wrote into it.
    if (files.length > 0) this.sawUntrusted(session, { kind: "file", name: userId });
  }

  say(id: SessionId | null, text: string, previews: boolean, where?: Address): Spoken {
    const { store, labels, trusts } = this.#parts;
    const session = id === null ? undefined : store.sessions.session(id);
    // The host's own words have no address that anybody must be shown, and may quote one of an agent's.
    if (!session) return { held: false, text: previews ? neutralise(text, () => false).text : text };
    const { labels: known } = labels.standing(session.agentGroup);
    if (known.untrusted.length === 0 || known.private.length === 0) return { held: false, text };
    const verdict = this.judge(session.id, this.#answerIn(where ?? session));
    if (!verdict.allow) return { held: true, why: verdict.why };
    if (!previews) return { held: false, text };
    // A long text has thousands of addresses, and few hosts.
    const waived = new Map<string, boolean>();
    const passes = (url: URL) => {
      if (trusts(session.agentGroup, url)) return true;
      const { hostname: host } = url;
      const allow = waived.get(host) ?? this.#verdict(session.agentGroup, { kind: "link", host, trusted: false }).allow;
      waived.set(host, allow);
      return allow;
    };
    return { held: false, text: neutralise(text, passes).text };
  }

  #answerIn({ channel, chat }: Address): Act {
    const open = this.#parts.store.groups.messagingGroup(channel, chat)?.unknownSenderPolicy === "public";
    return { kind: "message", chat: `${channel}:${chat}`, own: true, open };
  }

  #verdict(group: AgentGroupId, act: Act): GuardVerdict {
    const { labels, waivers, off } = this.#parts.labels.standing(group);
    return off ? { allow: true, because: "the guard is off" } : judge(labels, act, waivers);
  }

  #saw(session: SessionId, side: Side, label: Source | Secret): void {
    const { store, audit, clock, labels } = this.#parts;
    const group = this.#groupOf(session);
    store.db.transaction(() => {
      if (!labels.add(group, side, label, session, clock.now())) return;
      const detail = { group, label: labelText(label) };
      const resource = `session:${session}`;
      audit.append({ actor: "system", verb: `guard.${side}`, resource, decision: "fact", detail });
    });
  }

  #recordAsk(group: AgentGroupId, session: SessionId, { sources, private: inSight, sink }: Verdict & { allow: false }) {
    const { audit, clock } = this.#parts;
    const now = clock.now();
    const question = `${group} ${labelText(sink)}`;
    const last = this.#asked.get(question);
    if (last !== undefined && Math.abs(now - last) < ONCE_IN) return;
    if (this.#asked.size >= MOST_ASKED) this.#asked.clear();
    audit.append({
      actor: `agent:${group}`,
      verb: "guard.ask",
      resource: labelText(sink),
      decision: "fact",
      detail: { session, sources: sources.slice(0, 10).map(labelText), private: inSight.slice(0, 10).map(labelText) },
    });
    this.#asked.set(question, now);
  }

  #groupOf(session: SessionId): AgentGroupId {
    const group = this.#parts.store.sessions.session(session)?.agentGroup;
    if (!group) throw new Error(`no session ${session}`);
    return group;
  }
}

export const chatLabel = ({ channel, chat }: { channel: string; chat: string }): Secret => ({
  kind: "chat",
  name: `${channel}:${chat}`,
});
