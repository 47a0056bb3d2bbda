/** The line to each chat: at the pace that Telegram allows, and to wherever the chat is now. */
import type { RawApi } from "grammy";
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { Rejected, Retryable } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import type { BotApi } from "./bot-api.ts";
import type { Chats } from "./chats.ts";
import { failureOf, forSender } from "./failures.ts";
import { RateLimits } from "./limits.ts";

/** A message waits here for its turn so long, milliseconds; with more to wait the host has it back. */
const LONGEST_WAIT = 10_000;

export type Request<Result> = (api: RawApi, signal: Parameters<RawApi["getMe"]>[0], chat: number) => Promise<Result>;

export interface LineParts {
  api: BotApi;
  chats: Chats;
  clock: Clock;
}

export class ChatLine {
  readonly #parts: LineParts;
  readonly #limits = new RateLimits();

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  /** Waits for a message's turn and takes it. @throws Retryable where that would take too long */
  async messageSlot(address: Address): Promise<void> {
    const { clock, chats } = this.#parts;
    const chat = chats.now(address.chat);
    const wait = this.#limits.wait(chat, clock.now(), "message");
    if (wait > LONGEST_WAIT) throw new Retryable("this chat has had as much as Telegram allows for now", wait);
    this.#limits.take(chat, clock.now() + wait);
    if (wait > 0) await sleep(clock, wait);
  }

  /** Takes a turn that nothing else needs. @throws Retryable where there is none: no message waits for a draft */
  draftSlot(address: Address): void {
    const { clock, chats } = this.#parts;
    const chat = chats.now(address.chat);
    const wait = this.#limits.wait(chat, clock.now(), "draft");
    if (wait > 0) throw new Retryable("drafts are shown more slowly, so that messages need not wait", wait);
    this.#limits.take(chat, clock.now());
  }

  /**
   * One request to the chat; a second one where Telegram says that it moved.
   * @param limit milliseconds
   * @throws BotFailure
   */
  async call<Result>(address: Address, request: Request<Result>, limit?: number): Promise<Result> {
    const { api, chats, clock } = this.#parts;
    const chat = chats.now(address.chat);
    const to = (target: string) => api.call((raw, signal) => request(raw, signal, Number(target)), limit);
    try {
      return await to(chat);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === 429) this.#limits.hold(chat, clock.now() + (failure.after ?? 0));
      if (failure.movedTo === null) throw failure;
      chats.moved(address.chat, failure.movedTo);
      return to(failure.movedTo);
    }
  }
}

/** What the channel's contract knows, from whatever was thrown. */
export const asContract = (error: unknown) =>
  error instanceof Rejected || error instanceof Retryable ? error : forSender(failureOf(error));
