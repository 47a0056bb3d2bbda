/**
 * Takes messages to Telegram at the pace that it allows. One message is one request wherever Telegram can; else the
 * text goes first, and it is durable that it went, so that a repetition of the key sends only the rest.
 */
import { type ChannelParts, type OutgoingMessage, type Receipt, STOP_BUTTON } from "../../src/channels/channel.ts";
import { Rejected, Retryable } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { asContract, ChatLine, type LineParts, type Request } from "./chat-line.ts";
import { BotFailure, failureOf } from "./failures.ts";
import { LatestOnly } from "./latest.ts";
import {
  type Formatted,
  fitsCaption,
  formatted,
  inputFile,
  markupOf,
  NO_PREVIEW,
  placeOf,
  threadOf,
  type Upload,
  uploadsOf,
} from "./outgoing.ts";

/** All of a message, waiting and several requests included: below what the host waits for a channel. */
const WHOLE_LIMIT = 50_000;
const UPLOAD_LIMIT = 40_000;
/** Telegram shows "typing" for five seconds. */
const TYPING_PAUSE = 4_000;

export type SenderParts = LineParts & Pick<ChannelParts, "log" | "memory">;

/** One message on its way. */
interface Job {
  address: Address;
  message: OutgoingMessage;
  key: string;
  until: number;
}

export class Sender {
  readonly #parts: SenderParts;
  readonly #line: ChatLine;
  readonly #edits = new LatestOnly();
  /** When "typing" was last shown, by chat and thread. */
  readonly #typed = new Map<string, number>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#line = new ChatLine(parts);
  }

  /** As the contract's `send`. */
  async send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt> {
    const job: Job = { address, message, key, until: this.#parts.clock.now() + WHOLE_LIMIT };
    if (message.text.trim() === "" && message.files.length === 0) throw new Rejected("there is nothing to send");
    const uploads = await uploadsOf(message.files);
    if (uploads.length === 0) return this.#receipt(address, await this.#text(job));
    if (fitsCaption(message)) return this.#receipt(address, await this.#upload(job, uploads, message));
    return this.#inTwo(job, uploads);
  }

  /** As the contract's `edit`. Files stay as they were sent. */
  async edit(address: Address, platformId: string, message: OutgoingMessage): Promise<void> {
    const message_id = this.#known(address, platformId);
    const change = (text: Formatted, caption: boolean) =>
      this.#line.call(address, (api, signal, chat_id) => {
        const { text: words, ...format } = text;
        const target = { chat_id, message_id, ...format, ...markupOf(message) };
        if (caption) return api.editMessageCaption({ ...target, caption: words }, signal);
        return api.editMessageText({ ...target, text: words, ...NO_PREVIEW }, signal);
      });
    const changed = (caption: boolean) => this.#readable(message, (text) => change(text, caption));
    // A draft can stop its turn; what has no such button stays.
    const draft = message.buttons.some(({ value }) => value === STOP_BUTTON.value);
    await this.#edits.run(`${address.chat}/${platformId}`, async () => {
      if (draft) this.#line.draftSlot(address);
      else await this.#line.messageSlot(address);
      await changed(false)
        .catch((error) => {
          if (/no text in the message/i.test(failureOf(error).message)) return changed(true);
          throw error;
        })
        .catch((error) => {
          if (!/message is not modified/i.test(failureOf(error).message)) throw asContract(error);
        });
    });
  }

  /** As the contract's `react`. */
  async react(address: Address, platformId: string, emoji: string): Promise<void> {
    const message_id = this.#known(address, platformId);
    // What is typed as an emoji often asks for its coloured form, which Telegram's list does not name.
    const plain = emoji.replaceAll("\uFE0F", "") as "👍";
    const reaction = plain ? [{ type: "emoji" as const, emoji: plain }] : [];
    await this.#line
      .call(address, (api, signal, chat_id) => api.setMessageReaction({ chat_id, message_id, reaction }, signal))
      .catch((error) => {
        throw asContract(error);
      });
  }

  /** As the contract's `typing`. */
  typing(address: Address): void {
    const { clock, log } = this.#parts;
    const now = clock.now();
    const place = `${address.chat}/${address.thread ?? ""}`;
    if (now - (this.#typed.get(place) ?? Number.NEGATIVE_INFINITY) < TYPING_PAUSE) return;
    for (const [other, at] of this.#typed) if (now - at >= TYPING_PAUSE) this.#typed.delete(other);
    this.#typed.set(place, now);
    this.#line
      .call(address, (api, signal, chat_id) =>
        api.sendChatAction({ chat_id, action: "typing", ...threadOf(address) }, signal),
      )
      .catch((error) => log.debug({ error: failureOf(error).message }, "typing was not shown"));
  }

  /** Text and files that Telegram does not take together: the text has the receipt. */
  async #inTwo(job: Job, uploads: Upload[]): Promise<Receipt> {
    const { memory } = this.#parts;
    const half = `half:${job.key}`;
    const sent = memory.get(half);
    const receipt = sent ? { platformId: sent } : this.#receipt(job.address, await this.#text(job));
    memory.set(half, receipt.platformId);
    try {
      await this.#upload(job, uploads, null);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      memory.set(half, null);
      throw new Rejected(`the text was sent, what came with it was not: ${error.message}`);
    }
    memory.set(half, null);
    return receipt;
  }

  async #text(job: Job): Promise<number> {
    const sent = await this.#paced(job, () =>
      this.#readable(job.message, (text) =>
        this.#line.call(job.address, (api, signal, chat_id) =>
          api.sendMessage({ chat_id, ...text, ...this.#place(job), ...markupOf(job.message), ...NO_PREVIEW }, signal),
        ),
      ),
    );
    return sent.message_id;
  }

  /** @param captioned whose text and buttons the files carry */
  async #upload(job: Job, uploads: Upload[], captioned: OutgoingMessage | null): Promise<number> {
    const request = (files: Upload[]) =>
      captioned?.text
        ? this.#readable(captioned, (text) => this.#files(job, files, text, captioned))
        : this.#files(job, files, null, captioned);
    return this.#paced(job, () =>
      request(uploads).catch((error) => {
        // Not every picture is a photo to Telegram: some are too long or too broad. Any is a file.
        if (!uploads[0]?.photo || !/PHOTO|IMAGE/.test(failureOf(error).message)) throw error;
        return request(uploads.map((upload) => ({ ...upload, photo: false })));
      }),
    );
  }

  async #files(job: Job, uploads: Upload[], text: Formatted | null, of: OutgoingMessage | null): Promise<number> {
    const [first, ...others] = uploads;
    if (!first) throw new Rejected("there is no file to send");
    const caption = text ? { caption: text.text, ...(text.parse_mode ? { parse_mode: text.parse_mode } : {}) } : {};
    const rest = { ...this.#place(job), ...(of ? markupOf(of) : {}) };
    const send: Request<{ message_id: number }> = async (api, signal, chat_id) => {
      if (others.length > 0) {
        const media = uploads.map((upload, index) => ({
          type: upload.photo ? ("photo" as const) : ("document" as const),
          media: inputFile(upload),
          ...(index === 0 ? caption : {}),
        }));
        const [sent] = await api.sendMediaGroup({ chat_id, media: media as never, ...rest }, signal);
        if (!sent) throw new BotFailure("Telegram answered without a message", {});
        return sent;
      }
      if (first.photo) return api.sendPhoto({ chat_id, photo: inputFile(first), ...caption, ...rest }, signal);
      return api.sendDocument({ chat_id, document: inputFile(first), ...caption, ...rest }, signal);
    };
    const { message_id } = await this.#line.call(job.address, send, Math.min(UPLOAD_LIMIT, this.#left(job)));
    return message_id;
  }

  /** In its turn, and with the errors that the contract knows. */
  async #paced<Result>(job: Job, send: () => Promise<Result>): Promise<Result> {
    await this.#line.messageSlot(job.address);
    if (this.#left(job) <= 0) throw new Retryable("it waited too long for its turn");
    return send().catch((error) => {
      throw asContract(error);
    });
  }

  /** First as HTML; where Telegram can't read that, as it was written. */
  #readable<Result>(message: OutgoingMessage, send: (text: Formatted) => Promise<Result>): Promise<Result> {
    return send(formatted(message)).catch((error) => {
      const { code, message: why } = failureOf(error);
      if (code !== 400 || !/can't parse|ENTIT/i.test(why)) throw error;
      this.#parts.log.warn({ why }, "Telegram could not read the text's format; it went without");
      return send({ text: message.text });
    });
  }

  #place = ({ address, message }: Job) => placeOf(address, message, this.#parts.chats);

  #left = (job: Job) => job.until - this.#parts.clock.now();

  #receipt({ chat }: Address, messageId: number): Receipt {
    const { chats } = this.#parts;
    return { platformId: chats.platformId(chats.now(chat), messageId) };
  }

  #known({ chat }: Address, platformId: string): number {
    const id = this.#parts.chats.messageId(chat, platformId);
    if (id === null) throw new Rejected("this message is from before the group became a supergroup: Telegram lost it");
    return id;
  }
}
