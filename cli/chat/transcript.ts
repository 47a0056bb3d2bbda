/** How a chat looks: pure functions from what is known to lines of text. */
import { cut, oneLine, plain, wrap } from "../text.ts";
import type { Conversation, Message, News } from "./conversation.ts";

/** Colours, or none. */
export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  warn(text: string): string;
}

export const noPaint: Paint = { dim: (text) => text, bold: (text) => text, warn: (text) => text };

export const PROMPT = "› ";

/** The line above a message that says whose it is. */
function headOf(message: Message, paint: Paint): string {
  const time = new Date(message.at).toTimeString().slice(0, 5);
  const name = oneLine(message.from, 40) || message.author;
  return message.author === "system" ? paint.warn(`! ${name} ${time}`) : `${paint.bold(name)} ${paint.dim(time)}`;
}

/** What stays on the screen: a message with its head and a blank line, or a dim line about a tool. */
export function newsLines(news: News, columns: number, paint: Paint): string[] {
  if (news.kind === "activity") return [activityLine(news.text, columns, paint)];
  const { message } = news;
  const text = plain(message.text).trimEnd();
  if (message.author === "person") return [...bodyOfPerson(text, paint), ""];
  const body = text === "" ? [paint.dim("(no words)")] : wrap(text, columns - 1);
  return [headOf(message, paint), ...(message.author === "system" ? body.map(paint.warn) : body), ""];
}

const bodyOfPerson = (text: string, paint: Paint) =>
  text.split("\n").map((line, index) => paint.dim(index === 0 ? PROMPT : "  ") + line);

const activityLine = (activity: string, columns: number, paint: Paint) =>
  paint.dim(`  · ${oneLine(activity, columns - 5)}`);

/**
 * What is redrawn in place above the prompt: the end of the draft, or what is being waited for.
 * Never more than `rows` lines, none wider than `columns`.
 */
export function liveLines(state: Conversation, size: { columns: number; rows: number }, paint: Paint): string[] {
  const lines = wrap(plain(state.draft.text).trimEnd(), size.columns - 1).filter((line, index) => line || index > 0);
  if (lines.length === 0 && state.connected && state.open.length > 0) {
    lines.push(state.draft.activity ? paint.dim("  working…") : paint.dim("  …"));
  }
  for (const { text } of state.unsent) lines.push(paint.dim(PROMPT + oneLine(text, size.columns - 3)));
  if (!state.connected) lines.push(paint.warn(cut(awayText(state.unsent.length), size.columns - 1)));
  return lines.slice(-Math.max(size.rows, 1));
}

const awayText = (unsent: number) =>
  unsent > 0
    ? "! The host is away; it gets what you typed once it is back."
    : "! The host is away; ./bin/ncl up starts it.";

/** What to append so that a reader who saw `shown` has now seen `text`; a rewritten text starts on a new line. */
export function appended(shown: string, text: string): string {
  if (text.startsWith(shown)) return text.slice(shown.length);
  return `\n${text}`;
}
