/** Ties a direct chat on a platform to an agent, for whoever sends the code that this machine showed. */
import type { Audit } from "../../src/audit/audit.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { newMessagingGroupId, type Random, type UserId } from "../../src/lib/ids.ts";
import type { InboundEvent } from "../../src/store/inbox.ts";
import type { Store } from "../../src/store/store.ts";
import type { Pairings } from "./pairings.ts";

/** How long a code is good, milliseconds, and how many characters of 5 bits it has. */
export const CODE_LIFE = 10 * 60_000;
export const CODE_LENGTH = 8;
const CODE = /^(?:\/(?:pair|start)\s+)?([0-9a-z]{8})$/i;

export interface PairingParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  pairings: Pairings;
}

/** @returns false where the message is no code that is good now: then it is like any other message. */
export function pair(parts: PairingParts, event: InboundEvent): boolean {
  const code = CODE.exec(event.text.trim())?.[1];
  if (!code) return false;
  const { store, audit, clock, random, pairings } = parts;
  const { channel, chat, userId: user } = event;
  const now = clock.now();
  return store.db.transaction(() => {
    const pairing = pairings.take(code, channel, now);
    const group = pairing && store.groups.agentGroup(pairing.agentGroup);
    if (!group) return false;
    // Recorded, so that the platform may hand it over again.
    store.inbox.addEvent(event);
    store.users.put({ id: user as UserId, name: event.userName, timeZone: null }, now);
    store.users.grantOwner(user as UserId);
    const known = store.groups.messagingGroup(channel, chat);
    const room = known?.id ?? newMessagingGroupId(random);
    if (known) store.groups.setDirectUser(room, user);
    else store.groups.addMessagingGroup({ id: room, channel, chat, unknownSenderPolicy: "strict", directUser: user });
    if (!store.groups.wirings(room).some(({ agentGroup }) => agentGroup === group.id))
      store.groups.wire(room, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
    const detail = { user, group: group.folder };
    const what = { verb: "channels.pair", resource: `${channel}:${chat}`, decision: "allow", detail } as const;
    const cause = audit.append({ actor: user, ...what });
    const welcome = `This chat is now yours and ${group.name}'s. Write here, and ${group.name} answers. /stop stops what runs.`;
    const key = `pair:${channel}:${chat}:${now}`;
    store.outbox.add({ address: event, author: "system", text: welcome, answers: [event.platformId], key, cause }, now);
    return true;
  });
}
