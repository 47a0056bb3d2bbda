/** Tells the owner about trouble, where they are sure to look: in the terminal, and once for as long as it lasts. */
import { z } from "zod";
import type { Address } from "../store/address.ts";
import type { Store } from "../store/store.ts";

/** The same trouble is not told again for so long, milliseconds. */
const ONCE_IN = 6 * 60 * 60_000;
const HERE: Address = { channel: "terminal", chat: "main", thread: null };

/**
 * @param trouble names it, so that it is told once, whoever meets it
 * @param where the conversation that hears of it anyway; if that is the owner's, nothing more is said
 */
export function tellOwner(store: Store, trouble: string, text: string, where: Address | null, now: number): void {
  if (where?.channel === HERE.channel && where.chat === HERE.chat) return;
  if (!store.groups.messagingGroup(HERE.channel, HERE.chat)) return;
  store.db.transaction(() => {
    const last = store.settings.get(`told:${trouble}`, z.number());
    if (last !== null && Math.abs(now - last) < ONCE_IN) return;
    store.settings.set(`told:${trouble}`, now);
    store.outbox.add({ address: HERE, author: "system", text, key: `owner:${trouble}:${now}` }, now);
  });
}
