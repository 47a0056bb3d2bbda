/**
 * Who may speak where, and to which agent: wirings, and what nobody has decided yet. People who are not known in a room,
 * and rooms that no agent is in, are asked about; what they say waits, durably. A yes lets it be heard as if it had come
 * through at once; a no leaves nothing of it but a keyed hash.
 */
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import type { Router } from "../../src/inbound/router.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import { type RoomEffectParts, roomEffects } from "./effects.ts";
import { Newcomers, type NewcomersParts } from "./newcomers.ts";
import { Senders } from "./senders.ts";
import { wiringEffects } from "./wirings.ts";

export interface RoomsParts extends Omit<NewcomersParts, "replay"> {
  router: Router;
  registry: RoomEffectParts["registry"];
}

export interface Rooms {
  /** Keeps what was said in a room, or in none that is known, until somebody says whether it may be heard. */
  hold(event: ChannelEvent, room: MessagingGroup | null): Acceptance;
  effects: ReturnType<typeof roomEffects> & ReturnType<typeof wiringEffects>;
}

export function rooms({ router, registry, ...parts }: RoomsParts): Rooms {
  const waiting = { ...parts, replay: (event: ChannelEvent) => router.replay(event) };
  const senders = new Senders(waiting);
  const newcomers = new Newcomers(waiting);
  for (const { kind } of [senders, newcomers]) parts.approvals.register(kind);
  const effects = { ...parts, registry, senders, newcomers };
  return {
    hold: (event, room) => (room ? senders.hold(event, room) : newcomers.hold(event)),
    effects: { ...roomEffects(effects), ...wiringEffects(effects) },
  };
}
