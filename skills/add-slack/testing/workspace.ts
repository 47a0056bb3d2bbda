/** A workspace as the emulator has it: its chats, people and files, what the app does there, and what people see of it. */
import { visibleText } from "./visible.ts";

export const TEAM = "T0NANO";
export const BOT = { id: "U0BOT", name: "nano" };
export const ANN = { id: "U0ANN", name: "ann", real_name: "Ann Example" };
export const BEN = { id: "U0BEN", name: "ben", real_name: "Ben Example" };

export interface Chat {
  id: string;
  archived?: boolean;
  /** The bot is not in it. */
  foreign?: boolean;
}

interface SharedFile {
  id: string;
  name: string;
  bytes: Buffer;
  mimetype: string;
  shared: { channel: string; ts: string }[];
  [more: string]: unknown;
}

export interface Message {
  ts: string;
  channel: string;
  user: string;
  text: string;
  bot: boolean;
  thread_ts?: string;
  subtype?: string;
  blocks: Block[];
  metadata?: unknown;
  files: unknown[];
  edited?: { user: string; ts: string };
  /** The fields of the request that sent it, and of those that changed it. */
  asked: Record<string, unknown>[];
  reactions: Map<string, Set<string>>;
  more: Record<string, unknown>;
}

interface Block {
  type: string;
  text?: { text: string };
  elements?: { text?: { text: string } | string; value?: string }[];
}

/** An answer that says no, in Slack's word. */
export class Refusal extends Error {
  readonly more: Record<string, unknown>;
  constructor(code: string, more: Record<string, unknown> = {}) {
    super(code);
    this.more = more;
  }
}

type Fields = Record<string, unknown>;

export class Workspace {
  readonly #chats = new Map<string, Chat>();
  readonly #people = new Map([ANN, BEN].map((person) => [person.id, person]));
  readonly #files = new Map<string, SharedFile>();
  readonly #uploads = new Map<string, { name: string; bytes: Buffer | null }>();
  readonly messages: Message[] = [];
  /** What only one person was shown. */
  readonly ephemeral: { channel: string; user: string; text: string; thread_ts?: unknown }[] = [];
  /** Metadata is kept from whoever reads, as without the right to it. */
  hidesMetadata = false;
  /** What to send for what happened here. */
  onEvent: (event: Fields) => void = () => {};
  #lastTs = 0;

  add(chat: Chat): Chat {
    this.#chats.set(chat.id, chat);
    return chat;
  }

  /** A moment that no other thing here has. */
  now(): string {
    this.#lastTs = Math.max(Date.now() * 1_000, this.#lastTs + 1);
    return asTs(this.#lastTs);
  }

  /** Somebody says something. @returns it */
  say(chat: Chat, text: string, more: Fields = {}): Message {
    const { user = ANN.id, thread_ts, subtype, files = [], ts = this.now(), ...others } = more as Partial<Message>;
    const message: Message = {
      ...{ ts, channel: chat.id, user, text, files, bot: false, blocks: [], asked: [], reactions: new Map() },
      ...(thread_ts && { thread_ts }),
      ...(subtype && { subtype }),
      more: others,
    };
    this.messages.push(message);
    this.#tell(message);
    return message;
  }

  edit(message: Message, text: string): void {
    const before = this.#format(message);
    message.text = text;
    message.edited = { user: message.user, ts: this.now() };
    this.#changed(message, before);
  }

  delete(message: Message): void {
    this.messages.splice(this.messages.indexOf(message), 1);
    const ts = this.now();
    this.onEvent({
      ...{
        type: "message",
        subtype: "message_deleted",
        channel: message.channel,
        channel_type: typeOf(message.channel),
      },
      ...{ ts, event_ts: ts, deleted_ts: message.ts, previous_message: this.#format(message) },
    });
  }

  /** @returns what Slack says of a file in a message */
  file(name: string, bytes: Buffer, mimetype = "application/octet-stream"): { id: string } & Fields {
    const id = `F${this.#files.size}FILE`;
    this.#files.set(id, { id, name, bytes, mimetype, shared: [] });
    return { id, name, title: name, mimetype, size: bytes.length };
  }

  /** Changes what Slack says of a file. */
  describe(id: string, more: Fields): void {
    Object.assign(this.#files.get(id) ?? {}, more);
  }

  bytesOf(id: string): SharedFile | undefined {
    return this.#files.get(id);
  }

  /** @returns false where nobody asked for that place */
  upload(id: string, bytes: Buffer): boolean {
    const place = this.#uploads.get(id);
    if (place) place.bytes = bytes;
    return place !== undefined;
  }

  /** What the bot says in a chat, oldest first. */
  shown(channel?: string): Message[] {
    return this.messages.filter((message) => message.bot && (channel === undefined || message.channel === channel));
  }

  /** @throws Refusal */
  carryOut(method: string, fields: Fields, root: string): Fields {
    switch (method) {
      case "chat.postMessage":
        return this.#post(fields);
      case "chat.update":
        return this.#update(fields);
      case "chat.postEphemeral": {
        const { channel, user, text, thread_ts } = fields;
        this.#chat(channel);
        this.ephemeral.push({
          channel: String(channel),
          user: String(user),
          text: visibleText(String(text)),
          thread_ts,
        });
        return { message_ts: this.now() };
      }
      case "conversations.history":
      case "conversations.replies":
        return this.#read(method, fields);
      case "users.info": {
        const user = this.#people.get(String(fields.user));
        if (!user) throw new Refusal("user_not_found");
        return { user: { ...user, profile: { display_name: "", real_name: user.real_name } } };
      }
      case "reactions.get":
      case "reactions.add":
      case "reactions.remove":
        return this.#react(method, fields);
      case "files.getUploadURLExternal": {
        const id = `F${this.#uploads.size}SENT`;
        this.#uploads.set(id, { name: String(fields.filename), bytes: null });
        return { upload_url: `${root}/upload/v1/${id}`, file_id: id };
      }
      case "files.completeUploadExternal":
        return this.#share(fields);
      case "files.info": {
        const file = this.#files.get(String(fields.file));
        if (!file) throw new Refusal("file_not_found");
        const { bytes, shared, ...rest } = file;
        const shares = Object.fromEntries(shared.map(({ channel, ts }) => [channel, [{ ts }]]));
        const url = `${root}/files-pri/${file.id}/${encodeURIComponent(file.name)}`;
        return {
          file: {
            size: bytes.length,
            url_private: url,
            url_private_download: url,
            shares: { private: shares },
            ...rest,
          },
        };
      }
      default:
        throw new Refusal("unknown_method");
    }
  }

  #chat(id: unknown): Chat {
    const chat = this.#chats.get(String(id));
    if (!chat) throw new Refusal("channel_not_found");
    if (chat.foreign) throw new Refusal("not_in_channel");
    if (chat.archived) throw new Refusal("is_archived");
    return chat;
  }

  #post(fields: Fields): Fields {
    const { id: channel } = this.#chat(fields.channel);
    // As long as that is cut off without a word.
    const text = [...String(fields.text ?? "")].slice(0, 40_000).join("");
    const blocks = blocksIn(fields.blocks);
    if (text.trim() === "" && blocks.length === 0) throw new Refusal("no_text");
    const message: Message = {
      ...{ ts: this.now(), channel, user: BOT.id, text, bot: true, blocks, files: [], asked: [fields] },
      ...(fields.thread_ts !== undefined && { thread_ts: String(fields.thread_ts) }),
      ...(fields.metadata !== undefined && { metadata: JSON.parse(String(fields.metadata)) }),
      ...{ reactions: new Map(), more: { bot_id: "B0BOT", app_id: "A0APP" } },
    };
    this.messages.push(message);
    this.#tell(message);
    return { channel, ts: message.ts, message: this.#format(message) };
  }

  #update(fields: Fields): Fields {
    const message = this.#message(fields.channel, fields.ts);
    if (!message.bot) throw new Refusal("cant_update_message");
    const text = String(fields.text ?? "");
    if ([...text].length > 4_000) throw new Refusal("msg_too_long");
    const before = this.#format(message);
    message.asked.push(fields);
    message.text = text;
    // What is not said stays.
    if (fields.blocks !== undefined) message.blocks = blocksIn(fields.blocks);
    message.edited = { user: BOT.id, ts: this.now() };
    this.#changed(message, before);
    return { channel: message.channel, ts: message.ts, text };
  }

  #message(channel: unknown, ts: unknown): Message {
    this.#chat(channel);
    const message = this.messages.find((one) => one.channel === channel && one.ts === ts);
    if (!message) throw new Refusal("message_not_found");
    return message;
  }

  #react(method: string, fields: Fields): Fields {
    const message = this.#message(fields.channel, fields.timestamp);
    const { reactions } = message;
    const name = String(fields.name);
    const users = reactions.get(name) ?? new Set();
    if (method === "reactions.add") {
      if (!/^[a-z0-9_+'-]+$/.test(name) || name === "no_such_emoji") throw new Refusal("invalid_name");
      if (users.has(BOT.id)) throw new Refusal("already_reacted");
      reactions.set(name, users.add(BOT.id));
    } else if (method === "reactions.remove") {
      if (!users.delete(BOT.id)) throw new Refusal("no_reaction");
      if (users.size === 0) reactions.delete(name);
    }
    const shown = [...reactions].map(([of, by]) => ({ name: of, users: [...by], count: by.size }));
    return method === "reactions.get"
      ? { type: "message", message: { ...this.#format(message), reactions: shown } }
      : {};
  }

  #share(fields: Fields): Fields {
    const { id: channel } = this.#chat(fields.channel_id);
    const asked = JSON.parse(String(fields.files)) as { id: string }[];
    const files = asked.map(({ id }) => {
      const place = this.#uploads.get(id);
      if (!place?.bytes) throw new Refusal("file_not_found");
      return {
        id,
        name: place.name,
        bytes: place.bytes,
        mimetype: "application/octet-stream",
        shared: [] as SharedFile["shared"],
      };
    });
    const ts = this.now();
    for (const file of files) {
      this.#files.set(file.id, { ...file, shared: [{ channel, ts }] });
      this.#uploads.delete(file.id);
      this.#uploads.set(`used ${file.id}`, { name: "", bytes: null });
    }
    const message: Message = {
      ...{ ts, channel, user: BOT.id, text: "", bot: true, blocks: [], asked: [fields], reactions: new Map() },
      ...(fields.thread_ts !== undefined && { thread_ts: String(fields.thread_ts) }),
      ...{ subtype: "file_share", files, more: { bot_id: "B0BOT" } },
    };
    this.messages.push(message);
    this.#tell(message);
    return { files: files.map(({ id, name }) => ({ id, title: name })) };
  }

  #read(method: string, fields: Fields): Fields {
    const { id: channel } = this.#chat(fields.channel);
    const of = (message: Message) => message.thread_ts ?? message.ts;
    const replies = method === "conversations.replies";
    const inChat = this.messages.filter((message) => message.channel === channel);
    const oldest = Number(fields.oldest ?? 0);
    const all = inChat
      .filter((message) => (replies ? of(message) === fields.ts : of(message) === message.ts))
      // The first message of a thread is told with its replies whatever the time.
      .filter((message) => Number(message.ts) > oldest || (replies && message.ts === fields.ts))
      .sort((a, b) => (replies ? 1 : -1) * (Number(a.ts) - Number(b.ts)));
    if (replies && all.length === 0) throw new Refusal("thread_not_found");
    const start = Number(fields.cursor ?? 0);
    const end = start + Number(fields.limit ?? 100);
    const withMarks = fields.include_all_metadata === "true" && !this.hidesMetadata;
    const messages = all.slice(start, end).map((message) => {
      const answers = inChat.filter((one) => one !== message && one.thread_ts === message.ts);
      const last = answers
        .map(({ ts }) => ts)
        .sort()
        .at(-1);
      const { metadata, ...rest } = this.#format(message);
      return {
        ...rest,
        ...(withMarks && metadata !== undefined && { metadata }),
        ...(last && { latest_reply: last, thread_ts: message.ts }),
      };
    });
    const next = end < all.length ? String(end) : "";
    return { messages, has_more: next !== "", response_metadata: { next_cursor: next } };
  }

  /** As Slack tells it; whom it mentions is told of it twice. */
  #tell(message: Message): void {
    const event = { ...this.#format(message), channel: message.channel, event_ts: message.ts };
    this.onEvent({ type: "message", channel_type: typeOf(message.channel), ...event, subtype: message.subtype });
    if (message.text.includes(`<@${BOT.id}>`) && typeOf(message.channel) !== "im")
      this.onEvent({ ...event, type: "app_mention" });
  }

  #changed(message: Message, before: Fields): void {
    const ts = this.now();
    this.onEvent({
      ...{ type: "message", subtype: "message_changed", hidden: true, channel: message.channel, ts, event_ts: ts },
      ...{ channel_type: typeOf(message.channel), message: this.#format(message), previous_message: before },
    });
  }

  #format({ ts, user, text, thread_ts, subtype, blocks, metadata, files, edited, more }: Message): Fields {
    return {
      ...{ type: "message", ts, user, text, team: TEAM },
      ...(thread_ts && { thread_ts }),
      ...(subtype && { subtype }),
      ...(blocks.length > 0 && { blocks }),
      ...(metadata !== undefined && { metadata }),
      ...(files.length > 0 && { files }),
      ...(edited && { edited }),
      ...more,
    };
  }
}

/** What people read in a message. */
export function readable({ text, blocks }: Message): string {
  const shown = blocks.flatMap(({ type, text: words, elements = [] }) => {
    if (type === "section") return words?.text ?? "";
    return type === "context" ? elements.map((element) => (typeof element.text === "string" ? element.text : "")) : [];
  });
  return visibleText(shown.length > 0 ? shown.join("\n") : text);
}

/** The buttons under a message. */
export const buttonsOf = ({ blocks }: Message): { label: string; value: string }[] =>
  blocks
    .filter(({ type }) => type === "actions")
    .flatMap(({ elements = [] }) => elements)
    .map(({ text, value = "" }) => ({ label: typeof text === "object" ? text.text : "", value }));

export const typeOf = (chat: string) => (chat.startsWith("D") ? "im" : "channel");

export const asTs = (microseconds: number) =>
  `${Math.floor(microseconds / 1_000_000)}.${String(microseconds % 1_000_000).padStart(6, "0")}`;

/** @throws Refusal where they are longer than Slack allows */
function blocksIn(given: unknown): Block[] {
  const blocks = given === undefined ? [] : (JSON.parse(String(given)) as Block[]);
  const tooLong = blocks.some(({ text }) => (text?.text.length ?? 0) > 3_000) || blocks.length > 50;
  if (tooLong) throw new Refusal("invalid_blocks");
  return blocks;
}
