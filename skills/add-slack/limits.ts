/**
 * How fast an app may speak, kept by us so that Slack seldom has to say so: messages for each chat and in all, changes of
 * messages in all. A slot is taken for a moment now or soon; what comes later never goes before it. Drafts leave room
 * for messages.
 */

interface Limit {
  /** How many within `ms` milliseconds. */
  most: number;
  /** A change of a draft goes only while fewer than these were taken. */
  drafts: number;
  ms: number;
}

/** Slack's rules of thumb: a message a second in a chat with short bursts, several hundred a minute in all. */
const CHAT: Limit = { most: 4, drafts: 4, ms: 4_000 };
const MESSAGES: Limit = { most: 200, drafts: 200, ms: 60_000 };
/** Slack's tier 3 for `chat.update`: fifty a minute and a few more, in all chats together. */
const CHANGES: Limit = { most: 50, drafts: 35, ms: 60_000 };
/** Nothing is older than this and still counts, milliseconds. */
const LONGEST = 60_000;

/** What is limited: a message to a chat, or a change of one. */
export type Act = { send: string } | "change";

const MESSAGE_KEY = "messages";
const CHANGE_KEY = "changes";

function limitsOf(act: Act): [key: string, limit: Limit, inOrder: boolean][] {
  if (act === "change") return [[CHANGE_KEY, CHANGES, true]];
  return [
    [MESSAGE_KEY, MESSAGES, false],
    [`chat ${act.send}`, CHAT, true],
  ];
}

export class RateLimits {
  /** When acts went or will go, ascending. */
  readonly #taken = new Map<string, number[]>();
  /** Until when Slack wants to hear nothing of the kind. */
  readonly #held = new Map<string, number>();

  /** @returns milliseconds until one more may go; 0 for now */
  wait(act: Act, now: number, what: "message" | "draft"): number {
    const earliest = limitsOf(act).map(([key, limit, inOrder]) => {
      const times = this.#taken.get(key) ?? [];
      const blocking = times[times.length - (what === "draft" ? limit.drafts : limit.most)];
      const order = inOrder ? (times.at(-1) ?? 0) : 0;
      return Math.max(order, blocking === undefined ? 0 : blocking + limit.ms, this.#held.get(key) ?? 0);
    });
    return Math.max(0, Math.max(...earliest) - now);
  }

  /** Takes a slot at the moment `at`. */
  take(act: Act, at: number): void {
    for (const [key] of limitsOf(act)) {
      const times = (this.#taken.get(key) ?? []).filter((time) => time > at - LONGEST);
      this.#taken.set(
        key,
        [...times, at].sort((a, b) => a - b),
      );
    }
    if (this.#taken.size > 1000) this.#forget(at);
  }

  /** Slack asked to wait: for a chat, as it limits messages, or with all changes. */
  hold(act: Act, until: number): void {
    const key = act === "change" ? CHANGE_KEY : `chat ${act.send}`;
    this.#held.set(key, Math.max(until, this.#held.get(key) ?? 0));
  }

  #forget(now: number): void {
    for (const [key, times] of this.#taken) if ((times.at(-1) ?? 0) <= now - LONGEST) this.#taken.delete(key);
    for (const [key, until] of this.#held) if (until <= now) this.#held.delete(key);
  }
}
