/** How what strangers chose (names, handles, chats, texts) stands in a question: pure functions. */

const MOST_LINES = 4;
const MOST_TEXT = 300;

/** Names are anybody's text: no line breaks, nothing that turns the direction of what follows, no markup. */
export const oneLine = (text: string, most: number) =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[`*_[\]<>]/g, "")
    .trim()
    .slice(0, most)
    .toWellFormed();

/** The first lines of what somebody wrote, marked as theirs. */
export function quoted(text: string): string {
  const lines = text.slice(0, MOST_TEXT).split("\n").slice(0, MOST_LINES);
  const shown = lines.map((line) => `> ${oneLine(line, MOST_TEXT)}`).join("\n");
  return text.length > MOST_TEXT || text.split("\n").length > MOST_LINES ? `${shown}\n> …` : shown;
}

/** Somebody by name and handle. */
export const person = (name: string, user: string) =>
  `${oneLine(name, 60) || "Somebody without a name"} (${oneLine(user, 100)})`;

/** A chat as the command line names it. */
export const place = (channel: string, chat: string) => `${oneLine(channel, 40)}:${oneLine(chat, 100)}`;
