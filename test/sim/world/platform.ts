/**
 * A messaging platform and the channel to it. What people say is handed over until it is acknowledged, at times twice or
 * out of order; what it is sent is shown, and its answers follow its mood. It outlives the host.
 */
import type {
  Acceptance,
  Capabilities,
  Channel,
  ChannelEvent,
  ChannelHost,
  OutgoingMessage,
  Receipt,
} from "../../../src/channels/channel.ts";
import { Rejected, Retryable, Unknown } from "../../../src/lib/errors.ts";
import type { Address } from "../../../src/store/address.ts";
import type { Life } from "../base/life.ts";
import type { World } from "./world.ts";

export type Mood =
  | { kind: "well" }
  /** Nobody answers: nothing arrives, in either direction. */
  | { kind: "dead" }
  /** 429, with the time to wait. */
  | { kind: "busy"; retryAfter: number }
  /** It takes a message, or not, and the answer is lost. */
  | { kind: "loses answers"; arrived: boolean }
  /** It takes a message and never answers. */
  | { kind: "silent" }
  /** Each message meets another mood. */
  | { kind: "fickle" }
  /** The agent was thrown out. */
  | { kind: "refuses" };

/** A message as a person sees it in a chat. */
export interface Shown {
  chat: string;
  thread: string | null;
  author: "agent" | "system";
  text: string;
  answers: string[];
  key: string;
}

interface Update {
  event: ChannelEvent;
  acknowledged: boolean;
}

const FICKLE: Mood[] = [
  { kind: "well" },
  { kind: "dead" },
  { kind: "busy", retryAfter: 500 },
  { kind: "loses answers", arrived: true },
  { kind: "loses answers", arrived: false },
];
const WAY_MS: [number, number] = [2, 60];
/** A platform hands an update over again when it was not acknowledged for so long. */
const HAND_OVER_AGAIN = 3_000;

export class Platform {
  readonly id: string;
  readonly shown: Shown[] = [];
  mood: Mood = { kind: "well" };
  /** Keys of messages that it refused. */
  readonly #refused = new Set<string>();
  /** How often it did not tell what became of a message, by key. */
  readonly #untold = new Map<string, number>();
  readonly #world: World;
  readonly #idempotency: Capabilities["idempotency"];
  readonly #remembered = new Map<string, { at: number; platformId: string }>();
  #updates: Update[] = [];
  #listener: { life: Life; host: ChannelHost } | null = null;
  #ids = 0;
  /** Called when the host has answered an event. */
  readonly #answered: (event: ChannelEvent, acceptance: Acceptance) => void;

  constructor(
    world: World,
    id: string,
    idempotency: Capabilities["idempotency"],
    answered: (event: ChannelEvent, acceptance: Acceptance) => void,
  ) {
    this.#world = world;
    this.id = id;
    this.#idempotency = idempotency;
    this.#answered = answered;
  }

  /** Whether the message may have been given up: it was refused, or, without keys, nothing was told of it twice. */
  gaveUp(key: string): boolean {
    if (this.#refused.has(key)) return true;
    return this.#idempotency.kind !== "key" && (this.#untold.get(key) ?? 0) > 1;
  }

  /** Somebody says something. @returns the platform's id of the message. */
  say(chat: string, thread: string | null, text: string): string {
    const platformId = this.#newId();
    const update: Update = {
      acknowledged: false,
      event: {
        address: { channel: this.id, chat, thread },
        ...{ platformId, revision: 0, user: `${this.id}:someone`, userName: "Someone", text, mentioned: true },
        at: this.#world.wall(),
      },
    };
    this.#updates.push(update);
    this.#handOver(update);
    return platformId;
  }

  /** The channel as one process of the host has it. */
  channel(life: Life): Channel {
    return {
      id: this.id,
      credentials: null,
      capabilities: {
        ...{ threads: true, edits: false, reactions: false, buttons: false, files: false, typing: false },
        ...{ maxLength: 4_096, markup: "none", idempotency: this.#idempotency },
      },
      start: async (host) => {
        this.#listener = { life, host };
        for (const update of this.#updates) this.#handOver(update);
      },
      stop: async () => {
        this.#listener = null;
      },
      health: () => ({ state: "up", detail: "" }),
      send: (address, message, key) => this.#send(life, address, message, key),
    };
  }

  #send(life: Life, address: Address, message: OutgoingMessage, key: string): Promise<Receipt> {
    const sent = this.#world.call(life, WAY_MS, () => this.#receive(address, message, key));
    return sent.then((receipt) => receipt ?? new Promise<never>(() => {}));
  }

  /** @returns null for no answer at all */
  #receive({ chat, thread }: Address, { author, text, answers }: OutgoingMessage, key: string): Receipt | null {
    const mood = this.mood.kind === "fickle" ? this.#world.rng.pick(FICKLE) : this.mood;
    this.#world.trace.add(this.id, `gets ${key} (${mood.kind}) for ${chat}: ${text.slice(0, 60)}`);
    if (mood.kind === "dead") throw new Retryable("the platform can't be reached");
    if (mood.kind === "busy") throw new Retryable("too many requests", mood.retryAfter);
    if (mood.kind === "refuses") {
      this.#refused.add(key);
      throw new Rejected("the agent is not in this chat");
    }
    if (mood.kind === "loses answers" && !mood.arrived) throw this.#unknown(key);
    const known = this.#remembered.get(key);
    const remembers = this.#idempotency.kind === "key" && known && this.#age(known.at) < this.#idempotency.validFor;
    const platformId = remembers ? known.platformId : this.#newId();
    if (!remembers) {
      this.shown.push({ chat, thread, author, text, answers, key });
      this.#remembered.set(key, { at: this.#world.time.now, platformId });
    }
    if (mood.kind === "loses answers") throw this.#unknown(key);
    if (mood.kind === "silent") {
      this.#unknown(key);
      return null;
    }
    return { platformId };
  }

  #handOver(update: Update): void {
    const listener = this.#listener;
    if (!listener || update.acknowledged) return;
    const { time, rng, calm } = this.#world;
    const lag = !calm && rng.chance(0.1) ? 2_000 : 40;
    time.after(listener.life, rng.int(1, lag), () => {
      if (this.mood.kind === "dead") return;
      listener.host.accept(update.event).then(
        (acceptance) => {
          this.#answered(update.event, acceptance);
          const late = !this.#world.calm && rng.chance(0.1) ? 2 * HAND_OVER_AGAIN : 20;
          time.after(this.#world.outside, rng.int(1, late), () => this.#acknowledge(update));
        },
        () => {},
      );
    });
    time.after(this.#world.outside, lag + HAND_OVER_AGAIN, () => this.#handOver(update));
  }

  #acknowledge(update: Update): void {
    update.acknowledged = true;
    this.#updates = this.#updates.filter((one) => one !== update);
    if (this.#world.calm || !this.#world.rng.chance(0.05)) return;
    // Platforms do that after a failure of their own.
    update.acknowledged = false;
    this.#updates.push(update);
    this.#handOver(update);
  }

  #unknown(key: string): Unknown {
    this.#untold.set(key, (this.#untold.get(key) ?? 0) + 1);
    return new Unknown("the connection broke before the answer");
  }

  #age(since: number): number {
    return this.#world.time.now - since;
  }

  #newId(): string {
    this.#ids += 1;
    return `${this.id}-${this.#ids}`;
  }
}
