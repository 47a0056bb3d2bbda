/**
 * Takes messages to Slack. Text goes first and files after it, and what went is durable, so that a repetition of the key
 * sends only the rest. What may have arrived is looked for by the mark that each message carries.
 */
import { type ChannelParts, type OutgoingMessage, type Receipt, STOP_BUTTON } from "../../src/channels/channel.ts";
import { sleep } from "../../src/lib/clock.ts";
import { Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { asContract, failureOf } from "./failures.ts";
import { sharedAt, type Upload, upload, uploadsOf } from "./files.ts";
import { LatestOnly } from "./latest.ts";
import type { Act } from "./limits.ts";
import { findMarked, markOf, metadataOf } from "./marks.ts";
import { AS_WRITTEN, contentOf, NO_PREVIEW, threadOf } from "./outgoing.ts";
import { Pace } from "./pace.ts";
import { setReaction } from "./reactions.ts";
import type { SlackApi } from "./web-api.ts";

/** All of a message, waiting and several requests included, milliseconds: below what the host waits for a channel. */
const WHOLE_LIMIT = 50_000;
/** Slack shares a file a little after it said so: how often it is looked, and with what pause. */
const SHARE_LOOKS = 5;
const SHARE_PAUSE = 500;

export interface SenderParts extends Pick<ChannelParts, "clock" | "memory"> {
  api: SlackApi;
  /** The bot's own user id; null until Slack has said it. */
  self(): string | null;
}

/** What is durable of a message with files: its text's id once that is known, and the files that are to be shown. */
interface Half {
  ts: string | null;
  files: string[];
}

/** One message on its way. */
interface Job {
  address: Address;
  message: OutgoingMessage;
  key: string;
  until: number;
}

export class Sender {
  readonly #parts: SenderParts;
  readonly #pace: Pace;
  readonly #edits = new LatestOnly();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock);
  }

  /** As the contract's `send`. */
  async send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt> {
    const job: Job = { address, message, key, until: this.#parts.clock.now() + WHOLE_LIMIT };
    const hasText = message.text.trim() !== "";
    if (!hasText && message.files.length === 0) throw new Rejected("there is nothing to send");
    const uploads = await uploadsOf(message.files);
    if (uploads.length === 0) return { platformId: await this.#text(job) };
    return { platformId: await this.#withFiles(job, hasText, uploads) };
  }

  /** As the contract's `edit`. Files stay as they were sent. */
  async edit({ chat }: Address, ts: string, message: OutgoingMessage): Promise<void> {
    const { api } = this.#parts;
    const { text, blocks } = contentOf(message);
    // A draft can stop its turn; what has no such button stays.
    const draft = message.buttons.some(({ value }) => value === STOP_BUTTON.value);
    await this.#edits.run(`${chat}/${ts}`, async () => {
      await this.#pace.turn("change", draft ? "draft" : "message");
      // Blocks that are not named would stay.
      const change = { channel: chat, ts, text, blocks, ...AS_WRITTEN };
      await this.#pace.keep("change", () => api.call((client) => client.chat.update(change)));
    });
  }

  /** As the contract's `react`. */
  async react({ chat }: Address, ts: string, emoji: string): Promise<void> {
    try {
      await setReaction(this.#parts.api, this.#self(), chat, ts, emoji);
    } catch (error) {
      throw asContract(error);
    }
  }

  /** As the contract's `reconcile`. @throws Unknown where it can't be told */
  async reconcile(address: Address, key: string): Promise<Receipt | null> {
    const { api } = this.#parts;
    const half = this.#half(key);
    try {
      const ts = half?.ts ?? (await findMarked(api, this.#self(), address, key));
      if (!half) return ts === null ? null : { platformId: ts };
      const shared = await sharedAt(api, half.files[0] ?? "", address.chat).catch((error) => {
        // A file that was never shown to anybody is none.
        if (failureOf(error).code === "file_not_found") return null;
        throw error;
      });
      if (shared !== null) {
        this.#remember(key, null);
        return { platformId: ts ?? shared };
      }
      if (ts !== null) this.#remember(key, { ...half, ts });
      return null;
    } catch (error) {
      throw asContract(error);
    }
  }

  /** Text and files. The text has the receipt; without one, the message that shows the files. */
  async #withFiles(job: Job, hasText: boolean, uploads: Upload[]): Promise<string> {
    const { address, key } = job;
    let ts = this.#half(key)?.ts ?? null;
    const [first = "", ...others] = await this.#uploaded(job, uploads);
    const files = [first, ...others];
    this.#remember(key, { ts, files });
    if (hasText && ts === null) {
      ts = await this.#text(job);
      this.#remember(key, { ts, files });
    }
    try {
      await this.#share(job, first, others);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      this.#remember(key, null);
      throw ts === null ? error : new Rejected(`the text was sent, what came with it was not: ${error.message}`);
    }
    const platformId = ts ?? (await this.#shownAt(first, address.chat));
    this.#remember(key, null);
    return platformId;
  }

  async #uploaded(job: Job, uploads: Upload[]): Promise<string[]> {
    const { api, clock } = this.#parts;
    const files: string[] = [];
    for (const file of uploads) {
      const left = job.until - clock.now();
      if (left <= 0) throw new Retryable("its files took too long");
      files.push(await upload(api, clock, file, left));
    }
    return files;
  }

  /** Without words: a preview of what stands in them could not be forbidden here. */
  async #share(job: Job, first: string, others: string[]): Promise<void> {
    const { chat, thread } = job.address;
    const files: [{ id: string }, ...{ id: string }[]] = [{ id: first }, ...others.map((id) => ({ id }))];
    const place = thread === null ? { channel_id: chat } : { channel_id: chat, thread_ts: thread };
    await this.#paced(job, () =>
      this.#parts.api.call((client) => client.files.completeUploadExternal({ files, ...place })),
    );
  }

  /** When a file was shown that Slack has taken; the file's own id where Slack does not say. */
  async #shownAt(file: string, chat: string): Promise<string> {
    const { api, clock } = this.#parts;
    for (let looks = 0; looks < SHARE_LOOKS; looks++) {
      const ts = await sharedAt(api, file, chat).catch(() => null);
      if (ts !== null) return ts;
      await sleep(clock, SHARE_PAUSE);
    }
    return file;
  }

  async #text(job: Job): Promise<string> {
    const { address, message, key } = job;
    const { text, blocks } = contentOf(message);
    const said = {
      ...{ channel: address.chat, text, metadata: metadataOf(key) },
      ...(blocks.length > 0 && { blocks }),
      ...{ ...threadOf(address), ...NO_PREVIEW, ...AS_WRITTEN },
    };
    const { ts } = await this.#paced(job, () => this.#parts.api.call((client) => client.chat.postMessage(said)));
    if (!ts) throw new Unknown("Slack took it without saying where");
    return ts;
  }

  async #paced<Result>({ address, until }: Job, request: () => Promise<Result>): Promise<Result> {
    const act: Act = { send: address.chat };
    await this.#pace.turn(act, "message");
    if (until - this.#parts.clock.now() <= 0) throw new Retryable("it waited too long for its turn");
    return this.#pace.keep(act, request);
  }

  #self(): string {
    const self = this.#parts.self();
    if (self === null) throw new Retryable("the channel is not connected to Slack yet", 5_000);
    return self;
  }

  #half(key: string): Half | null {
    const text = this.#parts.memory.get(`half:${markOf(key)}`);
    return text === null ? null : (JSON.parse(text) as Half);
  }

  #remember(key: string, half: Half | null): void {
    this.#parts.memory.set(`half:${markOf(key)}`, half && JSON.stringify(half));
  }
}
