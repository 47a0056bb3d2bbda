/** Ties a direct chat on a platform to an agent, for whoever sends the code that this machine showed. */
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../lib/clock.ts";
import { newMessagingGroupId, type Random, type UserId } from "../lib/ids.ts";
import type { InboundEvent } from "../store/inbox.ts";
import type { Store } from "../store/store.ts";

/** How long a code is good, milliseconds, and how many characters of 5 bits it has. */
export const CODE_LIFE = 10 * 60_000;
export const CODE_LENGTH = 8;
const CODE = /^(?:\/(?:pair|start)\s+)?([0-9a-z]{8})$/i;

/** @returns false where the message is no code that is good now: then it is like any other message. */
export function pair(
  parts: { store: Store; audit: Audit; clock: Clock; random: Random },
  event: InboundEvent,
): boolean {
  const code = CODE.exec(event.text.trim())?.[1];
  if (!code) return false;
  const { store, audit, clock, random } = parts;
  const { channel, chat, userId: user } = event;
  const now = clock.now();
  return store.db.transaction(() => {
    const pairing = store.pairings.take(code, channel, now);
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
