/**
 * How fast a bot may send, kept by us so that Telegram seldom has to say so: per chat, per group, over all. A slot is
 * taken for a moment now or soon; what comes later never goes before it. Drafts leave room for messages.
 */

interface Limit {
  /** How many messages within `ms` milliseconds. */
  most: number;
  /** A change of a draft goes only while fewer than these were taken. */
  drafts: number;
  ms: number;
}

/** Telegram's rules of thumb: one a second in a chat with short bursts, 20 a minute in a group, 30 a second in all. */
const CHAT: Limit = { most: 4, drafts: 3, ms: 4_000 };
const GROUP: Limit = { most: 20, drafts: 12, ms: 60_000 };
const ALL: Limit = { most: 30, drafts: 20, ms: 1_000 };
const EVERYWHERE = "";
/** Nothing is older than this and still counts. */
const LONGEST = GROUP.ms;

/** Groups have negative ids. */
const limitsOf = (chat: string): [key: string, limit: Limit][] => [
  [EVERYWHERE, ALL],
  [chat, CHAT],
  ...(chat.startsWith("-") ? ([[chat, GROUP]] as [string, Limit][]) : []),
];

export class RateLimits {
  /** When messages went or will go, ascending. */
  readonly #taken = new Map<string, number[]>();
  /** Until when Telegram wants to hear nothing of a chat. */
  readonly #held = new Map<string, number>();

  /** @returns milliseconds until one more may go to this chat; 0 for now */
  wait(chat: string, now: number, what: "message" | "draft"): number {
    const earliest = limitsOf(chat).map(([key, limit]) => {
      const times = this.#taken.get(key) ?? [];
      const most = what === "draft" ? limit.drafts : limit.most;
      const blocking = times[times.length - most];
      const order = key === EVERYWHERE ? 0 : (times.at(-1) ?? 0);
      return Math.max(order, blocking === undefined ? 0 : blocking + limit.ms);
    });
    return Math.max(0, Math.max(...earliest, this.#held.get(chat) ?? 0) - now);
  }

  /** Takes a slot at the moment `at`. */
  take(chat: string, at: number): void {
    for (const key of [EVERYWHERE, chat]) {
      const times = (this.#taken.get(key) ?? []).filter((time) => time > at - LONGEST);
      this.#taken.set(
        key,
        [...times, at].sort((a, b) => a - b),
      );
    }
    if (this.#taken.size > 1000) this.#forget(at);
  }

  /** Telegram asked to wait. */
  hold(chat: string, until: number): void {
    this.#held.set(chat, Math.max(until, this.#held.get(chat) ?? 0));
  }

  #forget(now: number): void {
    for (const [key, times] of this.#taken) if ((times.at(-1) ?? 0) <= now - LONGEST) this.#taken.delete(key);
    for (const [chat, until] of this.#held) if (until <= now) this.#held.delete(chat);
  }
}
