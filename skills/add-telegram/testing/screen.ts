/** The chats as the emulator has them: what the bot does in a chat, and what people see of it there. */

import { visibleText } from "./html.ts";
import type { BotRequest } from "./request.ts";

export interface Chat {
  id: number;
  type: "private" | "group" | "supergroup";
  title?: string;
}

/** A message of the bot's, as people see it. */
export interface Shown {
  id: number;
  chat: number;
  text: string;
  html: string;
  thread: number | null;
  answers: number | null;
  buttons: string[];
  files: { name: string; bytes: Buffer; as: string }[];
  reaction: string;
}

/** An answer that says no, in Telegram's words. */
export class Refusal extends Error {
  readonly code: number;
  readonly parameters: object;
  constructor(code: number, description: string, parameters = {}) {
    super(description);
    this.code = code;
    this.parameters = parameters;
  }
}

/** What Telegram lets bots react with; some of them. */
const REACTIONS = ["👍", "👎", "❤", "🔥", "🎉", "👏", "🤔", "👌", "👀"];

export class Screen {
  readonly #chats = new Map<number, Chat & { messages: number; movedTo?: number }>();
  /** What the bot sent, oldest first. */
  readonly shown: Shown[] = [];
  /** "typing" and the like, as `chat/thread`. */
  readonly actions: string[] = [];

  add(chat: Chat): Chat {
    this.#chats.set(chat.id, { ...chat, messages: 0 });
    return chat;
  }

  /** From now on requests to the chat are told where it is. */
  move(from: number, to: number): void {
    const old = this.#chats.get(from);
    if (old) old.movedTo = to;
  }

  /** A request that concerns a chat. @throws Refusal, or an Error in Telegram's words */
  carryOut(method: string, input: BotRequest): unknown {
    const { fields } = input;
    const chat = this.#chats.get(Number(fields.chat_id));
    if (!chat) throw new Refusal(400, "Bad Request: chat not found");
    if (chat.movedTo !== undefined) {
      const description = "Bad Request: group chat was upgraded to a supergroup chat";
      throw new Refusal(400, description, { migrate_to_chat_id: chat.movedTo });
    }
    if (method === "sendChatAction") return this.actions.push(`${chat.id}/${fields.message_thread_id ?? ""}`) > 0;
    if (method === "setMessageReaction") return this.#react(fields, chat.id);
    if (method === "editMessageText") return this.#change(fields, chat.id, "text");
    if (method === "editMessageCaption") return this.#change(fields, chat.id, "caption");
    if (method === "sendMessage") return this.#show(chat, fields, "text", []);
    if (method === "sendDocument")
      return this.#show(chat, fields, "caption", [uploaded(input, "document", "document")]);
    if (method === "sendPhoto") return this.#show(chat, fields, "caption", [uploaded(input, "photo", "photo")]);
    if (method === "sendMediaGroup") return this.#album(chat, input);
    throw new Refusal(404, "Not Found: method not found");
  }

  #album(chat: Chat, input: BotRequest): unknown {
    const media = input.fields.media as { type: string; media: string; caption?: string; parse_mode?: string }[];
    if (media.length < 2 || media.length > 10) throw new Refusal(400, "Bad Request: wrong number of items");
    return media.map((item) => {
      const file = input.files.get(item.media.replace("attach://", ""));
      if (!file) throw new Refusal(400, "Bad Request: file is missing");
      return this.#show(chat, { ...input.fields, ...item }, "caption", [{ ...file, as: item.type }]);
    });
  }

  #show(chat: Chat, fields: Record<string, unknown>, words: "text" | "caption", files: Shown["files"]): unknown {
    const html = String(fields[words] ?? "");
    const text = readText(fields, words);
    if (text.trim() === "" && files.length === 0) throw new Refusal(400, "Bad Request: message text is empty");
    const reply = fields.reply_parameters as { message_id: number } | undefined;
    const shown: Shown = {
      id: this.count(chat.id),
      chat: chat.id,
      text,
      html,
      thread: (fields.message_thread_id as number | undefined) ?? null,
      answers: reply?.message_id ?? null,
      buttons: buttonsOf(fields),
      files,
      reaction: "",
    };
    this.shown.push(shown);
    return { message_id: shown.id, chat, date: seconds(), [words]: text };
  }

  #change(fields: Record<string, unknown>, chat: number, words: "text" | "caption"): unknown {
    const shown = this.shown.find((message) => message.chat === chat && message.id === Number(fields.message_id));
    if (!shown) throw new Refusal(400, "Bad Request: message to edit not found");
    if (words === "text" && shown.files.length > 0) {
      throw new Refusal(400, "Bad Request: there is no text in the message to edit");
    }
    const changed = { html: String(fields[words] ?? ""), buttons: buttonsOf(fields) };
    if (changed.html === shown.html && String(changed.buttons) === String(shown.buttons)) {
      throw new Refusal(400, "Bad Request: message is not modified");
    }
    Object.assign(shown, changed, { text: readText(fields, words) });
    return { message_id: shown.id };
  }

  #react(fields: Record<string, unknown>, chat: number): true {
    const [reaction] = fields.reaction as { emoji: string }[];
    if (reaction && !REACTIONS.includes(reaction.emoji)) throw new Refusal(400, "Bad Request: REACTION_INVALID");
    const shown = this.shown.find((message) => message.chat === chat && message.id === Number(fields.message_id));
    if (shown) shown.reaction = reaction?.emoji ?? "";
    return true;
  }

  /** @returns the id of a new message in the chat */
  count(chat: number): number {
    const known = this.#chats.get(chat);
    if (!known) throw new Error(`the test knows no chat ${chat}`);
    known.messages += 1;
    return known.messages;
  }
}

export const seconds = () => Math.floor(Date.now() / 1000);

function readText(fields: Record<string, unknown>, words: "text" | "caption"): string {
  const written = String(fields[words] ?? "");
  const text = fields.parse_mode === "HTML" ? visibleText(written) : written;
  if (text.length > (words === "text" ? 4096 : 1024))
    throw new Refusal(400, `Bad Request: message ${words} is too long`);
  return text;
}

const buttonsOf = ({ reply_markup: markup }: Record<string, unknown>) =>
  ((markup as { inline_keyboard?: { text: string }[][] } | undefined)?.inline_keyboard ?? []).flatMap((row) =>
    row.map(({ text }) => text),
  );

function uploaded({ fields, files }: BotRequest, field: string, as: string): Shown["files"][number] {
  const file = files.get(String(fields[field]).replace("attach://", ""));
  if (!file) throw new Refusal(400, "Bad Request: file is missing");
  return { ...file, as };
}
