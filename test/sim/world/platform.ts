/** A messaging platform and the channel to it: what it is sent is shown, and its answers follow its mood. It outlives the host. */
import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import {
  type Acceptance,
  type Capabilities,
  type Channel,
  type ChannelEvent,
  type IncomingFile,
  type OutgoingMessage,
  type Receipt,
  STOP_BUTTON,
} from "../../../src/channels/channel.ts";
import { Rejected, Retryable, Unknown } from "../../../src/lib/errors.ts";
import type { Address } from "../../../src/store/address.ts";
import type { Life } from "../base/life.ts";
import type { Met } from "../base/tally.ts";
import { Updates } from "./updates.ts";
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
  /** The contents of its files. */
  files: string[];
  /** With which it was sent first. */
  key: string;
  platformId: string;
}

/** Who is told what happens on a platform. */
export interface Witness {
  /** The host has answered an event. */
  answered(event: ChannelEvent, acceptance: Acceptance): void;
  /** A message is there for people to see, or says something else now. */
  shown(message: Shown): void;
}

export type Abilities = Pick<Capabilities, "edits" | "reactions" | "buttons" | "files" | "maxLength" | "idempotency">;

const FICKLE: Mood[] = [
  { kind: "well" },
  { kind: "dead" },
  { kind: "busy", retryAfter: 500 },
  { kind: "loses answers", arrived: true },
  { kind: "loses answers", arrived: false },
];
const WAY_MS: [number, number] = [2, 60];
const COUNTED: Partial<Record<Mood["kind"], Met>> = {
  dead: "a platform could not be reached",
  busy: "a platform said 429",
  "loses answers": "a platform's answer was lost",
  silent: "a platform never answered",
  refuses: "a platform refused",
};

export class Platform {
  readonly id: string;
  readonly shown: Shown[] = [];
  readonly abilities: Abilities;
  mood: Mood = { kind: "well" };
  readonly #world: World;
  readonly #updates: Updates;
  readonly #witness: Witness;
  /** Keys of messages, and ids of changed ones, that it refused. */
  readonly #refused = new Set<string>();
  /** How often it did not tell what became of a message, by key, or of a change, by the message's id. */
  readonly #untold = new Map<string, number>();
  /** Marked repeats that nothing was told of: the first try may have died with the host, on its way. */
  readonly #lostRepeats = new Set<string>();
  /** What it remembers of keys. */
  readonly #remembered = new Map<string, { at: number; platformId: string }>();
  #ids = 0;

  constructor(world: World, id: string, abilities: Abilities, witness: Witness) {
    this.#world = world;
    this.id = id;
    this.abilities = abilities;
    this.#witness = witness;
    const answered: Witness["answered"] = (event, acceptance) => witness.answered(event, acceptance);
    this.#updates = new Updates(world, () => this.mood.kind !== "dead", answered);
  }

  /** Whether the message may have been given up: it was refused, or nothing was told of it twice and can't be found out. */
  gaveUp(key: string): boolean {
    if (this.#refused.has(key)) return true;
    return this.abilities.idempotency.kind === "none" && (this.untold(key) > 1 || this.#lostRepeats.has(key));
  }

  untold(key: string): number {
    return this.#untold.get(key) ?? 0;
  }

  /** Whether a change of the message was refused. */
  refusedChange(platformId: string): boolean {
    return this.#refused.has(platformId);
  }

  /** Whether the host has taken everything that people did. */
  get settled(): boolean {
    return this.#updates.settled;
  }

  /** Somebody says something. @returns the platform's id of the message. */
  say(
    chat: string,
    thread: string | null,
    text: string,
    {
      files = [],
      user = `${this.id}:someone`,
      direct = false,
    }: { files?: IncomingFile[]; user?: string; direct?: boolean } = {},
  ): string {
    const platformId = this.#newId();
    this.#updates.add({ ...this.#event(chat, thread, platformId, 0, "said", text), files, user, direct });
    return platformId;
  }

  /** Presses a button of a message. @returns what was answered; null where nobody hears it */
  async press(chat: string, user: string, value: string): Promise<string | null> {
    const { listener } = this.#updates;
    if (!listener?.life.alive || !this.abilities.buttons) return null;
    const press = { address: { channel: this.id, chat, thread: null }, user, userName: user, value };
    return listener.host.press(press).catch(() => null);
  }

  /** Its author changes a message, or takes it back with null. */
  amend(chat: string, thread: string | null, platformId: string, revision: number, text: string | null): void {
    const change = text === null ? "deleted" : "edited";
    this.#updates.add(this.#event(chat, thread, platformId, revision, change, text ?? ""));
  }

  /** Somebody presses "stop" on a draft. @returns what was answered; null where none is shown or nobody hears it. */
  async pressStop(chat: string, thread: string | null): Promise<string | null> {
    const { listener } = this.#updates;
    const draft = this.shown.find((one) => one.chat === chat && one.thread === thread && isDraft(one));
    if (!draft || !listener?.life.alive || !this.abilities.buttons) return null;
    const address = { channel: this.id, chat, thread };
    const press = { address, user: `${this.id}:someone`, userName: "Someone", value: STOP_BUTTON.value };
    return listener.host.press(press).catch(() => null);
  }

  /** The channel as one process of the host has it. */
  channel(life: Life): Channel {
    const { edits, reactions, idempotency } = this.abilities;
    return {
      id: this.id,
      capabilities: { threads: true, typing: true, markup: "none", previews: true, ...this.abilities },
      start: async (host) => this.#updates.listen({ life, host }),
      stop: async () => this.#updates.listen(null),
      health: () => ({ state: "up", detail: "" }),
      typing: () => {},
      send: (address, message, key) => this.#meet(life, key, message.text, () => this.#show(address, message, key)),
      ...(edits && {
        edit: (_address, id, message) => this.#meet(life, id, message.text, () => this.#change(id, message)),
      }),
      ...(reactions && { react: (_address, id, emoji) => this.#meet(life, `${id}!`, emoji, () => {}) }),
      ...(idempotency.kind === "reconcile" && {
        reconcile: (_address, key) =>
          this.#meet(life, `${key}?`, "", () => {
            const known = this.shown.find((one) => one.key === key);
            return known ? { platformId: known.platformId } : null;
          }),
      }),
    };
  }

  /** Something is asked of it: what becomes of that, and what is told, is a matter of mood. */
  async #meet<Result>(life: Life, about: string, text: string, effect: () => Result): Promise<Result> {
    const outcome = await this.#world.call(life, WAY_MS, () => {
      const mood = this.mood.kind === "fickle" ? this.#world.rng.pick(FICKLE) : this.mood;
      this.#world.trace.add(this.id, `gets ${about} (${mood.kind}): ${text.slice(0, 60)}`);
      const counted = COUNTED[mood.kind];
      if (counted) this.#world.tally.count(counted);
      if (text.length > this.abilities.maxLength) {
        this.#world.broken("no text is longer than its platform takes", `${about}: ${text.length} characters`);
      }
      if (mood.kind === "dead") throw new Retryable("the platform can't be reached");
      if (mood.kind === "busy") throw new Retryable("too many requests", mood.retryAfter);
      if (mood.kind === "refuses") {
        this.#refused.add(about);
        throw new Rejected("the agent is not in this chat");
      }
      if (mood.kind === "loses answers" && !mood.arrived) throw this.#unknown(about, text);
      const result = effect();
      if (mood.kind === "loses answers") throw this.#unknown(about, text);
      if (mood.kind !== "silent") return { result };
      this.#unknown(about, text);
      return null;
    });
    return outcome ? outcome.result : new Promise<never>(() => {});
  }

  #show({ chat, thread }: Address, { author, text, answers, files }: OutgoingMessage, key: string): Receipt {
    const { idempotency } = this.abilities;
    const known = this.#remembered.get(key);
    if (known && idempotency.kind === "key" && this.#world.time.now - known.at < idempotency.validFor) {
      return { platformId: known.platformId };
    }
    const platformId = this.#newId();
    this.#remembered.set(key, { at: this.#world.time.now, platformId });
    const contents = files.map(({ path }) => this.#contentOf(path));
    const shown = { chat, thread, author, text, answers, files: contents, key, platformId };
    this.shown.push(shown);
    this.#witness.shown(shown);
    return { platformId };
  }

  #contentOf(path: string): string {
    if (existsSync(path)) return readFileSync(path, "utf8");
    this.#world.broken("a file stays until it is delivered", path);
    return "";
  }

  #change(platformId: string, { author, text, answers }: OutgoingMessage): void {
    const shown = this.shown.find((one) => one.platformId === platformId);
    if (!shown) throw new Rejected(`there is no message ${platformId}`);
    if (!isDeepStrictEqual(shown.answers, answers)) shown.answers = [...shown.answers, ...answers];
    Object.assign(shown, { author, text });
    this.#witness.shown(shown);
  }

  #event(
    chat: string,
    thread: string | null,
    platformId: string,
    revision: number,
    change: ChannelEvent["change"],
    text: string,
  ): ChannelEvent {
    return {
      address: { channel: this.id, chat, thread },
      ...{ platformId, revision, user: `${this.id}:someone`, userName: "Someone", text },
      ...{ mentioned: true, direct: false, change, files: [] },
      at: this.#world.wall(),
    };
  }

  #unknown(about: string, text: string): Unknown {
    if (MARK.test(text)) this.#lostRepeats.add(about);
    this.#untold.set(about, this.untold(about) + 1);
    return new Unknown("the connection broke before the answer");
  }

  #newId(): string {
    this.#ids += 1;
    return `${this.id}-${this.#ids}`;
  }
}

/** How a message is marked that may have been shown before. */
export const MARK = /^\(Repeated: .*?\)\s*/s;

/** It shows what is still being written. */
export const isDraft = ({ text }: Pick<Shown, "text">): boolean => / …\)?$/.test(text);
