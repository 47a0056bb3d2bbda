/**
 * The routing decision, pure: what becomes of an event, and why. It runs before anything is stored, so that chatter
 * in a room that no agent listens to leaves no trace.
 */
import type { ChannelEvent } from "../channels/channel.ts";
import type { AgentGroupId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { MessagingGroup, Wiring } from "../store/groups.ts";

/** What the database knows about the room and the author. */
export interface Facts {
  room: MessagingGroup | null;
  wirings: Wiring[];
  /** Whether the author has a role here. */
  known: boolean;
}

export interface Target {
  agentGroup: AgentGroupId;
  /** Names the conversation within the agent group. */
  conversation: string;
  thread: string | null;
}

export type Verdict =
  | { route: true; targets: Target[] }
  /** `held`: somebody has to say first whether its author may speak here. */
  | { route: false; outcome: "ignored" | "refused" | "held"; why: string };

export function decideRoute(event: ChannelEvent, facts: Facts): Verdict {
  if (!facts.room || facts.wirings.length === 0) {
    return { route: false, outcome: "ignored", why: "no agent is wired to this chat" };
  }
  if (!facts.known && facts.room.unknownSenderPolicy === "strict") {
    return { route: false, outcome: "refused", why: `${event.user} is not known here` };
  }
  const engaged = facts.wirings.filter((wiring) => wiring.engageMode === "always" || event.mentioned);
  if (engaged.length === 0) return { route: false, outcome: "ignored", why: "the agent was not mentioned" };
  if (!facts.known && facts.room.unknownSenderPolicy === "request_approval")
    return { route: false, outcome: "held", why: `the owner is asked whether ${event.user} may speak here` };
  return { route: true, targets: engaged.map((wiring) => targetOf(event.address, wiring)) };
}

/** The conversation that an agent has at an address. */
export function targetOf(address: Address, wiring: Wiring): Target {
  const { agentGroup } = wiring;
  const room = `${address.channel}/${address.chat}`;
  switch (wiring.sessionMode) {
    case "shared":
      return { agentGroup, conversation: room, thread: null };
    case "per-thread":
      return { agentGroup, conversation: address.thread ? `${room}/${address.thread}` : room, thread: address.thread };
    case "agent-shared":
      return { agentGroup, conversation: "*", thread: null };
  }
}
