/** Adding channels, and tying their chats to agents: what the way of a message does without once that is done. */
import type { InboundEvent } from "../../src/store/inbox.ts";
import { addedChannels, type ChannelsParts, channelCredentials, channelEffects } from "./effects.ts";
import { type PairingParts, pair } from "./pairing.ts";
import { Pairings } from "./pairings.ts";

export interface ChannelsPart {
  effects: ReturnType<typeof channelEffects>;
  /** The channels that were added, by id. */
  added(): string[];
  /** What the vault has for a channel. */
  credentials(id: string): Record<string, string> | null;
  /** Whether the message was a code that ties its chat to an agent. */
  pair(event: InboundEvent): boolean;
}

export function channelsPart(parts: Omit<ChannelsParts & PairingParts, "pairings">): ChannelsPart {
  const pairings = new Pairings(parts.store.db);
  return {
    effects: channelEffects({ ...parts, pairings }),
    added: () => addedChannels(parts.store),
    credentials: (id) => channelCredentials(parts.vault, id),
    pair: (event) => pair({ ...parts, pairings }, event),
  };
}
