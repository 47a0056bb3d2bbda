/** What is sent, as Telegram wants it: pure functions from a message of the host to the fields of a request. */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { InputFile } from "grammy";
import type { OutgoingFile, OutgoingMessage } from "../../src/channels/channel.ts";
import { Rejected } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import type { Chats } from "./chats.ts";
import { toHtml } from "./markup.ts";

/** Telegram's limits, in UTF-16 code units, bytes and files. */
export const MOST_CAPTION = 1024;
const MOST_FILES = 10;
const MOST_FILE_BYTES = 50_000_000;
const MOST_PHOTO_BYTES = 10_000_000;
const PHOTOS = [".jpg", ".jpeg", ".png", ".webp"];

/** A text with its format: HTML, or as it is. */
export interface Formatted {
  text: string;
  parse_mode?: "HTML";
}

/** The host's own notices are set in italics. */
export const formatted = ({ text, author }: OutgoingMessage): Formatted => ({
  text: toHtml(text, author === "system" ? "i" : null),
  parse_mode: "HTML",
});

/** The buttons under a message; an edit without them takes them away. */
export const markupOf = ({ buttons }: OutgoingMessage) =>
  buttons.length === 0
    ? {}
    : {
        reply_markup: { inline_keyboard: [buttons.map(({ label, value }) => ({ text: label, callback_data: value }))] },
      };

/** Whether text and buttons fit to the files in one request. */
export const fitsCaption = ({ text, files, buttons }: OutgoingMessage) =>
  files.length > 0 && text.length <= MOST_CAPTION && (files.length === 1 || buttons.length === 0);

export type Upload = OutgoingFile & { photo: boolean };

/** @throws Rejected where Telegram would take none of them, or they are not there */
export async function uploadsOf(files: OutgoingFile[]): Promise<Upload[]> {
  if (files.length > MOST_FILES) throw new Rejected(`Telegram takes at most ${MOST_FILES} files in one message`);
  const sized = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file.path).catch(() => null);
      if (!found?.isFile()) throw new Rejected(`the file "${file.name}" is not there any more`);
      if (found.size === 0) throw new Rejected(`the file "${file.name}" is empty, which Telegram does not take`);
      if (found.size > MOST_FILE_BYTES) throw new Rejected(`the file "${file.name}" is larger than Telegram's 50 MB`);
      return { ...file, size: found.size };
    }),
  );
  const isPhoto = ({ name, size }: { name: string; size: number }) =>
    PHOTOS.includes(extname(name).toLowerCase()) && size <= MOST_PHOTO_BYTES;
  // An album holds either photos or files.
  const photo = sized.length > 0 && sized.every(isPhoto);
  return sized.map(({ path, name }) => ({ path, name, photo }));
}

/** The name goes into a header, where these would end it. */
export const inputFile = ({ path, name }: Upload) => new InputFile(path, name.replace(/[\p{Cc}";\\]/gu, "_"));

/** A preview is made by a request of Telegram's to the address: an agent must not cause requests by what it says. */
export const NO_PREVIEW = { link_preview_options: { is_disabled: true } };

export const threadOf = ({ thread }: Address) => (thread === null ? {} : { message_thread_id: Number(thread) });

/** Topic and, in a group, what the message answers; with one person that would be noise. */
export function placeOf(address: Address, { answers }: OutgoingMessage, chats: Chats) {
  const last = answers.at(-1);
  const answered = address.chat.startsWith("-") && last ? chats.messageId(address.chat, last) : null;
  const reply =
    answered === null ? {} : { reply_parameters: { message_id: answered, allow_sending_without_reply: true } };
  return { ...threadOf(address), ...reply };
}
