/**
 * A group that becomes a supergroup gets a new id and counts its messages anew. For the host it stays the chat that it
 * was: its old id stands in addresses, and the new messages' ids are marked, so that they never meet the old ones.
 */
import type { ChannelParts } from "../../src/channels/channel.ts";

const MARK = "s";

export class Chats {
  readonly #memory: ChannelParts["memory"];

  constructor(memory: ChannelParts["memory"]) {
    this.#memory = memory;
  }

  /** Durable when it returns. Repeating it changes nothing. */
  moved(from: string, to: string): void {
    this.#memory.set(`chat.now:${from}`, to);
    this.#memory.set(`chat.was:${to}`, from);
  }

  /** The chat of an address, as Telegram calls it now. */
  now(chat: string): string {
    return this.#memory.get(`chat.now:${chat}`) ?? chat;
  }

  /** What the host calls a chat of Telegram's. */
  was(chat: string): string {
    return this.#memory.get(`chat.was:${chat}`) ?? chat;
  }

  /** @returns the host's id for a message of Telegram's chat */
  platformId(chat: string, messageId: number): string {
    return this.was(chat) === chat ? String(messageId) : `${MARK}${messageId}`;
  }

  /** @returns Telegram's id for a message of an address, or null where it can't be reached any more */
  messageId(chat: string, platformId: string): number | null {
    const marked = platformId.startsWith(MARK);
    if (marked !== (this.now(chat) !== chat)) return null;
    const id = Number(marked ? platformId.slice(MARK.length) : platformId);
    return Number.isSafeInteger(id) ? id : null;
  }
}
