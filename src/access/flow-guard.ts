/** What the way of a message asks of whoever guards where information flows: parts/guard, on a real machine. */
import type { SessionId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { InboundEvent } from "../store/inbox.ts";

export interface FlowGuard {
  /** Part of the open transaction: the session is given this. */
  heard(session: SessionId, event: InboundEvent): void;
  /**
   * The form in which words may appear in the session's own chat.
   * @param session whose words they are; null for those of the host
   * @param previews as the channel's capability
   * @param where they appear; left out where that is where the session speaks now
   */
  say(session: SessionId | null, text: string, previews: boolean, where?: Address): Spoken;
}

/** `why` is for the owner: it names what the agent has read and can see. */
export type Spoken = { held: false; text: string } | { held: true; why: string };
