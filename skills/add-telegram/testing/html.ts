/** Reads a text's HTML as strictly as Telegram documents it. Ours, from the published Bot API. */

const TAGS = ["b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote"];
const CHARS: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };

/** @returns what people see. @throws Error in Telegram's words where the tags don't fit together. */
export function visibleText(html: string): string {
  const open: string[] = [];
  let text = "";
  for (const [token] of html.matchAll(/<[^>]*>|&\w+;|[^<&]+|[<&]/g)) {
    const tag = /^<(\/?)([a-z]+)((?: [a-z]+="[^"<>]*")*)>$/.exec(token);
    if (tag) {
      const [, closing, name = ""] = tag;
      if (!TAGS.includes(name)) throw parseError(`unsupported start tag "${name}"`);
      if (!closing) open.push(name);
      else if (open.pop() !== name) throw parseError(`unexpected end tag "${name}"`);
    } else if (token === "&" || token.startsWith("<")) throw parseError(`unsupported "${token}"`);
    else if (token.startsWith("&")) {
      const char = CHARS[token];
      if (!char) throw parseError(`unknown entity "${token}"`);
      text += char;
    } else text += token;
  }
  if (open.length > 0) throw parseError(`can't find end tag corresponding to start tag "${open.at(-1)}"`);
  return text;
}

const parseError = (why: string) => new Error(`Bad Request: can't parse entities: ${why}`);
