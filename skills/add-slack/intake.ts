/**
 * Hands what was heard to the host: in its order within each chat, again until the host has it, and once. Whoever brought
 * it may tell Slack only when `take` has resolved.
 */
import type { Acceptance, ChannelEvent, ChannelHost } from "../../src/channels/channel.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Heard } from "./incoming.ts";
import type { People } from "./people.ts";
import { peopleIn, plainWords } from "./words.ts";

/** Between two tries of what the host could not take, milliseconds: doubled from the first to the longest. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;
/** Events that are known to be taken; Slack tells many of them twice. */
const MOST_RECENT = 5_000;
/** People in one message whose names are asked for. */
const MOST_NAMED = 20;
/** Longest text that the host is given, UTF-16 code units: it takes 200,000. */
const MOST_TEXT = 190_000;

export interface IntakeParts {
  host: Pick<ChannelHost, "accept">;
  people: People;
  clock: Clock;
  log: Log;
  /** What the host made of it, once it is its own. */
  onTaken(event: ChannelEvent, acceptance: Acceptance): void;
}

export class Intake {
  readonly #parts: IntakeParts;
  readonly #stopped = new AbortController();
  /** The end of what is under way in each chat. Never reject. */
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #recent = new Set<string>();
  #waiting = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** How much waits for the host, or is with it. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves once the host has it for good. Rejects where it was stopped before: then it must come again. */
  take(heard: Heard): Promise<void> {
    return this.within(heard.event.address.chat, () => this.accept(heard));
  }

  /** Does something in a chat's turn: what comes for the chat later waits for it. */
  within(chat: string, work: () => Promise<void>): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.reject(new Error("it is stopping"));
    this.#waiting += 1;
    const done = (this.#lanes.get(chat) ?? Promise.resolve()).then(work);
    const lane = done
      .catch(() => {})
      .then(() => {
        this.#waiting -= 1;
        if (this.#lanes.get(chat) === lane) this.#lanes.delete(chat);
      });
    this.#lanes.set(chat, lane);
    return done;
  }

  /** Resolves when the host is asked nothing more. What it has not taken by then was not taken. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }

  /** As `take`, for who is in the chat's turn already. */
  async accept(heard: Heard): Promise<void> {
    const { chat } = heard.event.address;
    const { platformId, revision } = heard.event;
    const id = `${chat}/${platformId}/${revision}`;
    const { signal } = this.#stopped;
    if (this.#recent.has(id)) return;
    const event = await this.#named(heard);
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      if (signal.aborted) throw new Error("it was not taken before the channel stopped");
      const acceptance = await this.#tried(event);
      if (acceptance) {
        this.#remember(id);
        this.#parts.onTaken(event, acceptance);
        return;
      }
      await pauseOf(this.#parts.clock, pause, signal);
    }
  }

  async #tried(event: ChannelEvent): Promise<Acceptance | null> {
    const { host, log } = this.#parts;
    try {
      return await host.accept(event);
    } catch (error) {
      log.warn({ error: messageOf(error) }, "a message could not be taken");
      // It is the message that is wrong: it would hold up its chat for ever.
      return error instanceof Misuse ? { status: "ignored", why: messageOf(error) } : null;
    }
  }

  async #named({ event, author, words }: Heard): Promise<ChannelEvent> {
    const { people } = this.#parts;
    const spoken = peopleIn(words).slice(0, MOST_NAMED);
    const [userName = author, ...names] = await Promise.all([author, ...spoken].map((id) => people.name(id)));
    const nameOf = new Map(spoken.map((id, index) => [id, names[index]]));
    const text = plainWords(words, (id) => nameOf.get(id));
    return { ...event, userName, text: text.slice(0, MOST_TEXT).toWellFormed() };
  }

  #remember(id: string): void {
    this.#recent.add(id);
    const [oldest] = this.#recent;
    if (this.#recent.size > MOST_RECENT && oldest !== undefined) this.#recent.delete(oldest);
  }
}

/** Resolves after `ms` milliseconds, or at once when `stop` ends it. */
export function pauseOf(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  if (ms <= 0 || stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(ms, end);
    stop.addEventListener("abort", end);
  });
}
