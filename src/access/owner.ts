/** Tells the owner about trouble, in the terminal and wherever else they write to an agent alone, and once for as long as it lasts. */
import { z } from "zod";
import type { Store } from "../store/store.ts";

/** The same trouble is not told again for so long, milliseconds. */
const ONCE_IN = 6 * 60 * 60_000;

/**
 * @param trouble names it, so that it is told once, whoever meets it
 * @param where the conversation that hears of it anyway: if that is one of the owner's, nothing more is said. Without a
 *   chat it is a channel that can't be reached; null where nobody hears of it
 */
export function tellOwner(
  store: Store,
  trouble: string,
  text: string,
  where: { channel: string; chat?: string } | null,
  now: number,
): void {
  const places = store.groups.ownersChats();
  if (places.some((place) => place.channel === where?.channel && place.chat === where.chat)) return;
  const others = where && where.chat === undefined ? places.filter(({ channel }) => channel !== where.channel) : places;
  if (others.length === 0) return;
  store.db.transaction(() => {
    const last = store.settings.get(`told:${trouble}`, z.number());
    if (last !== null && Math.abs(now - last) < ONCE_IN) return;
    store.settings.set(`told:${trouble}`, now);
    for (const address of others) {
      const key = `owner:${trouble}:${now}:${address.channel}:${address.chat}`;
      store.outbox.notify({ address, text, key }, now);
    }
  });
}
