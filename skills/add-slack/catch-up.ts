/**
 * What was said while nobody listened. Slack tries an event for some minutes only, so after a connection the chats that
 * the host knows are read from where we were. What is read twice is the same event to the host.
 */
import type { Acceptance, ChannelEvent, ChannelParts } from "../../src/channels/channel.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { messageSchema, type SlackMessage } from "./events.ts";
import { failureOf } from "./failures.ts";
import { placeOf, readMessage } from "./incoming.ts";
import { type Intake, pauseOf } from "./intake.ts";
import { Slots } from "./slots.ts";
import type { BotIdentity, SlackApi } from "./web-api.ts";

/** Chats, and in each of them threads, that are looked after: those where something was said last. */
const MOST_CHATS = 100;
const MOST_THREADS = 20;
/** What is older is not read, and a thread that was still for so long is not looked into, seconds; of the others so many. */
const LONGEST_AWAY = 7 * 24 * 60 * 60;
const THREAD_LIVES = 3 * 24 * 60 * 60;
const MOST_READ_THREADS = 60;
/** Of one chat or thread at most so many pages of so many messages are read, the latest. */
const MOST_PAGES = 5;
const PAGE = 200;
/** Slack's events may come out of order by so much: from so long before the last one is read, seconds. */
const OVERLAP = 60;
/** The place is written down when it went on by so much, seconds: less than what is read twice anyway. */
const STEP = 30;
/** Questions at the same time; Slack allows some fifty a minute. */
const AT_ONCE = 3;
/** How often a question is put that Slack does not answer, and the pause where it names none, milliseconds. */
const MOST_TRIES = 5;
const PAUSE = 2_000;

/** Where we are in one chat. */
interface Reached {
  /** When the last message was said, as Slack dates it, in the chat or in a thread of it. */
  last: string;
  /** Its threads, and when each was spoken in; the latest is first. */
  threads: [thread: string, last: string][];
}

export type CatchUpParts = Pick<ChannelParts, "clock" | "log" | "memory"> & { api: SlackApi };

/** What a reading of all chats goes by. */
export interface Listening {
  intake: Intake;
  bot: BotIdentity;
  /** From then on what is said is heard. */
  connected: Promise<void>;
  stop: AbortSignal;
}

interface Reading extends Listening {
  /** How many threads may still be looked into. */
  threads: number;
  slots: Slots;
}

export class CatchUp {
  readonly #parts: CatchUpParts;
  /** The chat that was spoken in last is last. */
  readonly #known = new Map<string, Reached>();
  /** What of it is written down. */
  readonly #stored = new Map<string, Reached>();
  /** Chats that could not be read: they stay where they are until they could. */
  readonly #behind = new Set<string>();

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    for (const chat of JSON.parse(parts.memory.get("chats") ?? "[]") as string[]) {
      const text = parts.memory.get(reachedKey(chat));
      if (text === null) continue;
      const reached = JSON.parse(text) as Reached;
      this.#known.set(chat, reached);
      this.#stored.set(chat, reached);
    }
  }

  /** The host has taken an event. A chat counts as known once the host wanted something that was said there. */
  taken({ address, change, platformId: ts }: ChannelEvent, { status }: Acceptance): void {
    if (change !== "said") return;
    const { chat, thread } = address;
    const known = this.#known.get(chat);
    if (this.#behind.has(chat) || (!known && (status === "ignored" || status === "refused"))) return;
    const threads = known?.threads ?? [];
    const others = threads.filter(([id]) => id !== thread);
    const now: Reached = {
      last: later(known?.last, ts),
      threads: thread === null ? threads : [[thread, ts], ...others.slice(0, MOST_THREADS - 1)],
    };
    this.#known.delete(chat);
    this.#known.set(chat, now);
    this.#keep(chat, now);
  }

  /**
   * Reads all chats that are known, once they are listened to again, and each before what is said there from then on.
   * Resolves when it is through; never rejects.
   */
  async run(listening: Listening): Promise<void> {
    const reading: Reading = { ...listening, threads: MOST_READ_THREADS, slots: new Slots(AT_ONCE) };
    const chats = [...this.#known.keys()].reverse();
    await Promise.all(chats.map((chat) => this.#readChat(chat, reading)));
  }

  async #readChat(chat: string, reading: Reading): Promise<void> {
    const { intake, bot, connected, stop } = reading;
    const heard = connected.then(
      () => true,
      () => false,
    );
    try {
      await intake.within(chat, async () => {
        if (!(await heard)) return;
        this.#behind.add(chat);
        const missed = await this.#missed(chat, reading);
        this.#behind.delete(chat);
        for (const message of missed) {
          const incoming = readMessage(message, placeOf({ channel: chat }), bot);
          if (incoming.kind === "heard") await intake.accept(incoming.heard);
        }
      });
    } catch (error) {
      if (!stop.aborted) this.#parts.log.warn({ error: messageOf(error) }, "a chat was not read for what was missed");
    }
  }

  /** Oldest first. */
  async #missed(chat: string, reading: Reading): Promise<SlackMessage[]> {
    const reached = this.#known.get(chat);
    if (!reached) return [];
    const { api, clock } = this.#parts;
    const now = clock.now() / 1_000;
    const since = Math.max(Number(reached.last) - OVERLAP, now - LONGEST_AWAY).toFixed(6);
    const inChat = await this.#pages(reading, since, (oldest, cursor) =>
      api.call(
        (client) => client.conversations.history({ channel: chat, oldest, limit: PAGE, ...cursor }),
        reading.stop,
      ),
    );
    const found = new Map(inChat.map((message) => [message.ts, message]));
    const threads = new Map(reached.threads);
    for (const { ts, latest_reply: reply } of inChat) if (reply) threads.set(ts, reply);
    for (const [ts, last] of threads) {
      if (Number(last) < now - THREAD_LIVES || reading.threads === 0) continue;
      reading.threads -= 1;
      const replies = await this.#pages(reading, since, (oldest, cursor) =>
        api.call(
          (client) => client.conversations.replies({ channel: chat, ts, oldest, limit: PAGE, ...cursor }),
          reading.stop,
        ),
      );
      for (const message of replies) found.set(message.ts, message);
    }
    return [...found.values()].sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  /** What was said after `oldest`, in no order; of a thread that is gone nothing. */
  async #pages(reading: Reading, oldest: string, ask: Ask): Promise<SlackMessage[]> {
    const found: SlackMessage[] = [];
    let cursor = {};
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer = await reading.slots.use(() => this.#patiently(reading.stop, () => ask(oldest, cursor)));
      for (const raw of answer.messages ?? []) {
        const { data } = messageSchema.safeParse(raw);
        // Not every server leaves out what is older.
        if (data && isLater(data.ts, oldest)) found.push(data);
      }
      const next = answer.response_metadata?.next_cursor;
      if (!next) return found;
      cursor = { cursor: next };
    }
    this.#parts.log.warn({}, "more was said than is read after a time away: some was left out");
    return found;
  }

  async #patiently(stop: AbortSignal, ask: () => ReturnType<Ask>): ReturnType<Ask> {
    for (let tries = 1; ; tries++) {
      try {
        return await ask();
      } catch (error) {
        const { code, after } = failureOf(error);
        if (code === "thread_not_found") return {};
        if (code !== null || tries === MOST_TRIES || stop.aborted) throw error;
        await pauseOf(this.#parts.clock, after ?? PAUSE * tries, stop);
      }
    }
  }

  #keep(chat: string, now: Reached): void {
    const { memory } = this.#parts;
    const stored = this.#stored.get(chat);
    const same = stored && stored.threads[0]?.[0] === now.threads[0]?.[0];
    if (same && Number(now.last) - Number(stored.last) < STEP) return;
    this.#stored.set(chat, now);
    memory.set(reachedKey(chat), JSON.stringify(now));
    if (stored) return;
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_CHATS && oldest !== undefined) {
      this.#known.delete(oldest);
      this.#stored.delete(oldest);
      memory.set(reachedKey(oldest), null);
    }
    memory.set("chats", JSON.stringify([...this.#known.keys()]));
  }
}

type Ask = (
  oldest: string,
  cursor: { cursor?: string },
) => Promise<{ messages?: unknown[]; response_metadata?: { next_cursor?: string } }>;

const reachedKey = (chat: string) => `reached:${chat}`;
const isLater = (a: string, b: string) => Number(a) > Number(b);
const later = (a: string | undefined, b: string) => (a === undefined || isLater(b, a) ? b : a);
