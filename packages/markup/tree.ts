/** Reads Markdown, as agents write it, into a tree: CommonMark with tables and strikethrough. HTML in it is mere text. */
import MarkdownIt, { type Token } from "markdown-it";

/** What is longer is shown as it was written: hostile text costs more than its share. */
const MOST_LENGTH = 50_000;
/** Quotations, lists and marks inside each other. The parser leaves out what is deeper, so then it is not asked. */
const MOST_NESTED = 60;
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])){10,}/m;

const SCHEMES = ["http:", "https:", "mailto:"];

/** Whether it leads to the web or to somebody's mail, and so may be made into a link. */
const isLink = (url: string): boolean => URL.canParse(url) && SCHEMES.includes(new URL(url).protocol);

export const reader = new MarkdownIt({ html: false, linkify: true, typographer: false, maxNesting: MOST_NESTED });
reader.validateLink = isLink;
// Only what is written as an address, not every word with a dot.
reader.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

/** A token with what stands between its opening and its closing one. */
export interface Node {
  token: Token;
  children: Node[];
}

/** @returns null for what is too long or too deep to be read as Markdown */
export function tokensOf(markdown: string): Token[] | null {
  if (markdown.length > MOST_LENGTH || TOO_DEEP.test(markdown)) return null;
  const tokens = reader.parse(markdown, {});
  return tokens.some(({ level }) => level >= MOST_NESTED - 2) ? null : tokens;
}

export function treeOf(markdown: string): Node[] | null {
  const tokens = tokensOf(markdown);
  return tokens && nested(tokens);
}

function nested(tokens: Token[]): Node[] {
  const top: Node[] = [];
  const open: Node[][] = [top];
  for (const token of tokens) {
    if (token.nesting === -1) {
      if (open.length > 1) open.pop();
      continue;
    }
    const node: Node = { token, children: token.children ? nested(token.children) : [] };
    open.at(-1)?.push(node);
    if (token.nesting === 1) open.push(node.children);
  }
  return top;
}
