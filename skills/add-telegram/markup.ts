/**
 * Markdown, as agents write it, to the HTML that Telegram reads. What it does not know stays as it is. Tags always
 * close in order, and what people see is never longer than what was written.
 */

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (text: string) => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);

/** A fence, its language, its text; one that was never closed ends with the message. */
const FENCE = /^ {0,3}```([^\n`]*)\n([\s\S]*?)(?:\n {0,3}```[ \t]*(?=\n|$)|$(?![\s\S]))/m;

/** @param all wraps every piece of running text in this tag, e.g. "i" */
export function toHtml(markdown: string, all: string | null = null): string {
  const wrap = (text: string) => (all && text.trim() ? `<${all}>${blocks(text)}</${all}>` : blocks(text));
  let html = "";
  let rest = markdown;
  for (let match = FENCE.exec(rest); match; match = FENCE.exec(rest)) {
    const [whole, info = "", code = ""] = match;
    const language = /^[\w+#.-]+/.exec(info.trim())?.[0];
    html += wrap(rest.slice(0, match.index));
    html += language
      ? `<pre><code class="language-${escaped(language)}">${escaped(code)}</code></pre>`
      : `<pre>${escaped(code)}</pre>`;
    rest = rest.slice(match.index + whole.length);
  }
  return html + wrap(rest);
}

/** Lines that begin with a mark: headings, quotations, lists. */
function blocks(text: string): string {
  const lines: { quoted: boolean; html: string }[] = text.split("\n").map((line) => {
    const heading = /^ {0,3}#{1,6}[ \t]+(.*?)[ \t#]*$/.exec(line);
    if (heading?.[1]) return { quoted: false, html: `<b>${inline(heading[1])}</b>` };
    const quote = /^ {0,3}>[ \t]?(.*)$/.exec(line);
    if (quote) return { quoted: true, html: inline(quote[1] ?? "") };
    const item = /^([ \t]*)[-*+][ \t](.*)$/.exec(line);
    return { quoted: false, html: item ? `${item[1]}• ${inline(item[2] ?? "")}` : inline(line) };
  });
  let html = "";
  lines.forEach(({ quoted, html: line }, index) => {
    const before = lines[index - 1];
    if (before?.quoted && !quoted) html += "</blockquote>";
    if (before) html += "\n";
    if (quoted && !before?.quoted) html += "<blockquote>";
    html += line;
  });
  return lines.at(-1)?.quoted ? `${html}</blockquote>` : html;
}

interface Span {
  /** Sticky. Its first group is what the span holds. */
  pattern: RegExp;
  html(inside: string, match: RegExpExecArray): string;
  /** Not in the middle of a word: snake_case is no emphasis. */
  apart?: true;
}

const tag = (name: string) => (inside: string) => `<${name}>${inline(inside)}</${name}>`;

const SPANS: Span[] = [
  { pattern: /\\([\\`*_{}[\]()#+\-.!~>|])/y, html: escaped },
  { pattern: /``(?!`)([^\n]*?[^`\n])``(?!`)/y, html: (inside) => `<code>${escaped(inside)}</code>` },
  { pattern: /`(?!`)([^`\n]+)`(?!`)/y, html: (inside) => `<code>${escaped(inside)}</code>` },
  {
    pattern: /\[([^[\]\n]+)\]\(((?:https?:\/\/|mailto:|tg:\/\/)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)\)/y,
    html: (inside, match) => `<a href="${escaped(match[2] ?? "")}">${inline(inside)}</a>`,
  },
  { pattern: /\*\*\*(?=[^\s*])([^\n]*?[^\s*])\*\*\*(?!\*)/y, html: (inside) => `<b><i>${inline(inside)}</i></b>` },
  { pattern: /\*\*(?=[^\s*])([^\n]*?[^\s])\*\*(?!\*)/y, html: tag("b") },
  { pattern: /__(?=[^\s_])([^\n]*?[^\s_])__(?!\w)/y, html: tag("b"), apart: true },
  { pattern: /~~(?=[^\s~])([^\n]*?[^\s~])~~/y, html: tag("s") },
  { pattern: /\*(?=[^\s*])((?:[^*\n]|\*\*[^*\n]+\*\*)*?[^\s*]|[^\s*])\*(?!\*)/y, html: tag("i") },
  { pattern: /_(?=[^\s_])([^_\n]*[^\s_]|[^\s_])_(?!\w)/y, html: tag("i"), apart: true },
];

function inline(text: string): string {
  let html = "";
  for (let at = 0; at < text.length; ) {
    const found = spanAt(text, at);
    html += found ? found.html : escaped(text.charAt(at));
    at = found ? found.end : at + 1;
  }
  return html;
}

function spanAt(text: string, at: number): { html: string; end: number } | null {
  if (!/[\\`*_~[]/.test(text.charAt(at))) return null;
  for (const { pattern, html, apart } of SPANS) {
    if (apart && at > 0 && /\w/.test(text.charAt(at - 1))) continue;
    // A copy: spans hold spans, and a sticky pattern remembers where it is.
    const sticky = new RegExp(pattern);
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (match) return { html: html(match[1] ?? "", match), end: at + match[0].length };
  }
  return null;
}
