/**
 * The routing decision, pure: what becomes of an event, and why. It runs before anything is stored, so that chatter
 * in a room that no agent listens to leaves no trace.
 */
import { patternMatches } from "../../packages/safe-pattern/safe-pattern.ts";
import type { ChannelEvent } from "../channels/channel.ts";
import type { AgentGroupId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { MessagingGroup, Wiring } from "../store/groups.ts";
import { EVERYWHERE } from "../store/sessions.ts";

/** In a chat without threads a mention holds for so long after the last message that was answered, milliseconds. */
export const STICKS_FOR = 30 * 60_000;

/** What the database knows about the room and the author. */
export interface Facts {
  room: MessagingGroup | null;
  /** As they are in the event's thread. */
  wirings: Wiring[];
  /** Whether the author has a role here. */
  known: boolean;
  /** Of a change: an agent heard the message. It concerns that agent whatever it says now. */
  heard: boolean;
}

export interface Target {
  agentGroup: AgentGroupId;
  /** Names the conversation within the agent group. */
  conversation: string;
  thread: string | null;
}

export type Verdict =
  /** `targets` are to answer; with `listeners` it rides along when they next do. */
  | { route: true; targets: Target[]; listeners: Target[] }
  /** `held`: somebody has to say first whether its author may speak here, or whether any agent is to be here. */
  | { route: false; outcome: "ignored" | "refused" | "held"; why: string };

export function decideRoute(event: ChannelEvent, facts: Facts): Verdict {
  const { room, wirings, known, heard } = facts;
  if (!room || wirings.length === 0) {
    const asked = event.mentioned || event.direct;
    if (!asked) return { route: false, outcome: "ignored", why: "no agent is wired to this chat" };
    return { route: false, outcome: "held", why: "the owner is asked whether an agent is to be in this chat" };
  }
  if (!known && room.unknownSenderPolicy === "strict")
    return { route: false, outcome: "refused", why: `${event.user} is not known here` };
  const engaged = wirings.filter((wiring) => heard || engages(event, wiring));
  if (!known && room.unknownSenderPolicy === "request_approval" && engaged.length > 0)
    return { route: false, outcome: "held", why: `the owner is asked whether ${event.user} may speak here` };
  const mayHear = wirings.filter(
    ({ senders }) => known || (senders === "all" && room.unknownSenderPolicy === "public"),
  );
  const target = (wiring: Wiring) => targetOf(event.address, wiring);
  const targets = mayHear.filter((wiring) => engaged.includes(wiring)).map(target);
  const listeners = mayHear.filter((one) => one.ignored === "accumulate" && !engaged.includes(one)).map(target);
  if (targets.length + listeners.length === 0)
    return { route: false, outcome: "ignored", why: "no agent that may hear it was spoken to" };
  return { route: true, targets, listeners };
}

/** Whether that agent answers the event; each decides alone. */
function engages({ mentioned, text, at, address }: ChannelEvent, { engageMode, pattern, engagedAt }: Wiring): boolean {
  switch (engageMode) {
    case "always":
      return true;
    case "pattern":
      // Whoever wants to stop it need not know its pattern.
      return (mentioned && text.startsWith("/")) || patternMatches(pattern ?? "", text);
    case "mention":
      return mentioned;
    case "mention-sticky":
      return mentioned || (engagedAt !== null && (address.thread !== null || at - engagedAt <= STICKS_FOR));
  }
}

/** The conversation that an agent has at an address. */
export function targetOf(address: Address, wiring: Pick<Wiring, "agentGroup" | "sessionMode">): Target {
  const { agentGroup } = wiring;
  const room = `${address.channel}/${address.chat}`;
  switch (wiring.sessionMode) {
    case "shared":
      return { agentGroup, conversation: room, thread: null };
    case "per-thread":
      return { agentGroup, conversation: address.thread ? `${room}/${address.thread}` : room, thread: address.thread };
    case "agent-shared":
      return { agentGroup, conversation: EVERYWHERE, thread: address.thread };
  }
}
