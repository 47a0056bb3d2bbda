/**
 * What people wrote, as Slack's own markup has it, in plain words: mentions by name, links with their address. Pure;
 * linear in the length of the text whatever it says.
 */

/** Everything that is not words stands between < and >: whoever types those signs themselves has them escaped by Slack. */
const MARKS = /<([^<>]*)>/g;
const PERSON = /<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>/g;

/** Whom the text mentions, each once. */
export const peopleIn = (text: string): string[] => [
  ...new Set(Array.from(text.matchAll(PERSON), ([, id = ""]) => id)),
];

export const mentions = (text: string, user: string): boolean => peopleIn(text).includes(user);

/** The text without the bot's name before a command, so that it is one: a line that begins with a slash never leaves Slack's own box. */
export function withoutCall(text: string, bot: string): string {
  const call = new RegExp(`^\\s*<@${bot}(?:\\|[^<>]*)?>[\\s,:]*(?=/)`);
  return text.replace(call, "");
}

/** @param nameOf what a person is called; undefined where that is not known */
export function plainWords(text: string, nameOf: (user: string) => string | undefined): string {
  return unescaped(text.replace(MARKS, (whole: string, inner: string) => wordsOf(inner, nameOf) ?? whole));
}

function wordsOf(inner: string, nameOf: (user: string) => string | undefined): string | null {
  const bar = inner.indexOf("|");
  const target = bar === -1 ? inner : inner.slice(0, bar);
  const label = bar === -1 ? "" : inner.slice(bar + 1);
  const name = target.slice(1);
  if (target.startsWith("@")) return `@${nameOf(name) ?? (label || name)}`;
  if (target.startsWith("#")) return `#${label || name}`;
  if (target.startsWith("!")) {
    if (target.startsWith("!date^")) return label;
    const shown = label || (target.startsWith("!subteam^") ? target.slice("!subteam^".length) : name);
    return shown.startsWith("@") ? shown : `@${shown}`;
  }
  if (!/^[a-z][a-z0-9+.-]*:/i.test(target)) return null;
  const bare = target.replace(/^(https?:\/\/|mailto:|tel:)/i, "");
  const same = label === "" || label === target || label === bare || `${label}/` === bare;
  if (same) return /^(mailto|tel):/i.test(target) ? label || bare : target;
  return `${label} (${target})`;
}

/** Slack escapes these three, and nothing else. */
const unescaped = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
