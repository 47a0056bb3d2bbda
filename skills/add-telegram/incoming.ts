/** What an update says, as a pure function: an event, a press, a chat that got a new id, or nothing for us and why. */
import { z } from "zod";
import type { ButtonPress, ChannelEvent, IncomingFile } from "../../src/channels/channel.ts";
import type { Address } from "../../src/store/address.ts";
import { type TelegramFile, type TelegramMessage, type TelegramUser, updateSchema } from "./updates.ts";

export interface BotIdentity {
  id: number;
  /** Without "@". */
  username: string;
}

/** How the host names chats and messages; see chats.ts. */
export interface Naming {
  was(chat: string): string;
  platformId(chat: string, messageId: number): string;
}

export type Incoming =
  | { kind: "event"; event: ChannelEvent }
  | { kind: "press"; query: string; press: ButtonPress }
  | { kind: "moved"; from: string; to: string }
  | { kind: "ignored"; why: string }
  /** Telegram changed, or we read it wrong: worth a look. */
  | { kind: "unreadable"; why: string };

/** Of a message that is answered, characters. */
const MOST_QUOTED = 500;

const ignored = (why: string): Incoming => ({ kind: "ignored", why });

export function readUpdate(raw: unknown, bot: BotIdentity, naming: Naming): Incoming {
  const parsed = updateSchema.safeParse(raw);
  if (!parsed.success) return { kind: "unreadable", why: z.prettifyError(parsed.error) };
  const { update_id: updateId, message, edited_message: edited, callback_query: query } = parsed.data;
  if (query) {
    if (!query.message || query.data === undefined) return ignored("a press without a message or a value");
    const { id, from, message: on, data } = query;
    const press = { address: addressOf(on, naming), user: userId(from.id), userName: nameOf(from), value: data };
    return { kind: "press", query: id, press };
  }
  const said = message ?? edited;
  if (!said) return ignored("not of a kind that was asked for");
  return readMessage(said, edited ? updateId : null, bot, naming);
}

/** @param edit the number of the update where it is an edit */
function readMessage(message: TelegramMessage, edit: number | null, bot: BotIdentity, naming: Naming): Incoming {
  const { chat } = message;
  if (message.migrate_to_chat_id !== undefined) {
    return { kind: "moved", from: String(chat.id), to: String(message.migrate_to_chat_id) };
  }
  if (message.migrate_from_chat_id !== undefined) {
    return { kind: "moved", from: String(message.migrate_from_chat_id), to: String(chat.id) };
  }
  if (chat.type === "channel" || message.is_automatic_forward) return ignored("a channel's post");
  const author = authorOf(message);
  if (!author) return ignored("another bot's message");
  if (edit !== null && message.location) return ignored("a live location that moved");
  const album = [message, ...(message.others ?? [])];
  const files = album.flatMap(filesOf);
  // One of an album's pictures has the words.
  const speaking = album.find((one) => wordsOf(one) !== "") ?? message;
  const text = textOf(speaking, bot);
  if (text === "" && files.length === 0) return ignored("a notice of Telegram's, such as somebody joining");
  return {
    kind: "event",
    event: {
      address: addressOf(message, naming),
      change: edit === null ? "said" : "edited",
      platformId: naming.platformId(String(chat.id), message.message_id),
      revision: edit === null ? 0 : revisionOf(message.edit_date ?? message.date, edit),
      ...author,
      text: answeredBy(message, bot) + text,
      at: (edit === null ? message.date : (message.edit_date ?? message.date)) * 1000,
      mentioned:
        chat.type === "private" || isMentioned({ ...speaking, reply_to_message: message.reply_to_message }, bot),
      direct: chat.type === "private",
      files,
    },
  };
}

/** Telegram dates edits by the second; the number of the update tells those of one second apart, in their order. */
const revisionOf = (seconds: number, updateId: number) => seconds * 1_000_000 + (updateId % 1_000_000);

function addressOf(
  message: Pick<TelegramMessage, "chat" | "is_topic_message" | "message_thread_id">,
  naming: Naming,
): Address {
  // Outside of topics the field is there too, for chains of replies.
  const thread = message.is_topic_message ? message.message_thread_id : undefined;
  const chat = naming.was(String(message.chat.id));
  return { channel: "telegram", chat, thread: thread === undefined ? null : String(thread) };
}

const userId = (id: number) => `telegram:${id}`;

const nameOf = ({ first_name, last_name }: TelegramUser) => [first_name, last_name].filter(Boolean).join(" ");

/** Who speaks as a group or a channel is that chat, not a person: any of its administrators. */
function authorOf({ from, sender_chat: sender, author_signature: signature }: TelegramMessage) {
  if (sender) {
    return { user: userId(sender.id), userName: [sender.title ?? "anonymous", signature].filter(Boolean).join(", ") };
  }
  return from && !from.is_bot ? { user: userId(from.id), userName: nameOf(from) } : null;
}

const entitiesOf = (message: TelegramMessage) => message.entities ?? message.caption_entities ?? [];
const wordsOf = (message: TelegramMessage) => message.text ?? message.caption ?? "";

/** The command that the message begins with, and whom it names. */
function commandOf(message: TelegramMessage): { end: number; command: string; to: string | null } | null {
  const entity = entitiesOf(message).find(({ type, offset }) => type === "bot_command" && offset === 0);
  if (!entity) return null;
  const [command = "", to = null] = wordsOf(message).slice(0, entity.length).split("@");
  return { end: entity.length, command, to };
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

function isMentioned(message: TelegramMessage, bot: BotIdentity): boolean {
  const command = commandOf(message);
  if (command && (command.to === null || same(command.to, bot.username))) return true;
  // In a topic every message answers the notice of its creation, which may be the bot's.
  const answered = message.reply_to_message;
  if (answered?.from?.id === bot.id && answered.forum_topic_created === undefined) return true;
  const words = wordsOf(message);
  return entitiesOf(message).some(({ type, offset, length, user }) =>
    type === "mention" ? same(words.slice(offset, offset + length), `@${bot.username}`) : user?.id === bot.id,
  );
}

/** The text as people read it; where there is only a thing that has none, a note that names it. */
function textOf(message: TelegramMessage, bot: BotIdentity): string {
  const words = wordsOf(message);
  const command = commandOf(message);
  if (command?.to && same(command.to, bot.username)) return command.command + words.slice(command.end);
  return words || noteOf(message);
}

/** What the message answers, for the agent to know; commands are left as they are. */
function answeredBy(message: TelegramMessage, bot: BotIdentity): string {
  const { reply_to_message: answered, quote } = message;
  if (!answered || answered.forum_topic_created !== undefined || commandOf(message)) return "";
  const words = (quote?.text ?? answered.text ?? answered.caption ?? "").replace(/\s+/g, " ").trim();
  if (words === "") return "";
  const shown = words.length > MOST_QUOTED ? `${words.slice(0, MOST_QUOTED).toWellFormed()} …` : words;
  const whose = answered.from?.id === bot.id ? "your" : answered.from ? `${nameOf(answered.from)}'s` : "the";
  return `(In answer to ${whose} message: "${shown}")\n\n`;
}

function noteOf({ sticker, venue, location, contact, poll, dice }: TelegramMessage): string {
  if (sticker) return `[sticker${sticker.emoji ? ` ${sticker.emoji}` : ""}]`;
  if (venue) return `[place: ${venue.title}, ${venue.address}]`;
  if (location) return `[location: ${location.latitude}, ${location.longitude}]`;
  if (contact) {
    return `[contact: ${[contact.first_name, contact.last_name, contact.phone_number].filter(Boolean).join(" ")}]`;
  }
  if (poll) return `[poll: ${[poll.question, ...poll.options.map(({ text }) => `- ${text}`)].join("\n")}]`;
  return dice ? `[${dice.emoji} ${dice.value}]` : "";
}

function filesOf(message: TelegramMessage): IncomingFile[] {
  const photo = message.photo?.toSorted((a, b) => b.width * b.height - a.width * a.height)[0];
  // What moves comes as a document as well.
  const document = message.animation ? undefined : message.document;
  const found: [TelegramFile | undefined, kind: string, type: string][] = [
    [photo, "photo", "image/jpeg"],
    [document, "file", ""],
    [message.voice, "voice", "audio/ogg"],
    [message.audio, "audio", "audio/mpeg"],
    [message.video, "video", "video/mp4"],
    [message.video_note, "video", "video/mp4"],
    [message.animation, "animation", "video/mp4"],
  ];
  return found.flatMap(([file, kind, type]) => {
    if (!file) return [];
    const ending = ENDINGS[file.mime_type ?? type] ?? "";
    return {
      name: file.file_name ?? `${kind}-${message.message_id}${ending}`,
      type: file.mime_type ?? type,
      size: file.file_size ?? null,
      ref: file.file_id,
    };
  });
}

const ENDINGS: Record<string, string> = {
  "image/jpeg": ".jpg",
  "audio/ogg": ".ogg",
  "audio/mpeg": ".mp3",
  "video/mp4": ".mp4",
};
