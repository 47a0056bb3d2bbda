/**
 * Where a markdown text may be broken in two, and how well. One pass over its lines, then one over each block; linear
 * in the length of the text whatever it says. Pure.
 */

/** How good a break before a position is; the higher, the better. 0: only where nothing else is left. */
export const Break = {
  inside: 2,
  word: 3,
  sentence: 4,
  line: 5,
  nested: 6,
  item: 7,
  paragraph: 8,
  section: 9,
} as const;

/** A code block that can be closed and opened again at a cut. */
export interface Fence {
  /** The line that opens it again, with its newline. */
  open: string;
  /** What closes it, with a newline before it. */
  close: string;
  /** Where its opening line begins, its text begins, its text ends, and its closing line ends. */
  start: number;
  body: number;
  bodyEnd: number;
  end: number;
}

export interface Breaks {
  rank: Uint8Array;
  /** The code block that a cut before a position is inside of. */
  fenceAt(position: number): Fence | null;
}

const OPENING = /^((?:[ \t>]|(?:[-*+]|\d{1,9}[.)])[ \t])*)(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const CLOSING = /^[ \t>]*(`{3,}|~{3,})[ \t]*$/;
const ITEM = /^([ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]/;
const HEADING = /^#{1,6}[ \t]/;
const TABLE_RULE = /^[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*\|[-:| \t]*$/;
/** A link or an autolink: what is cut in it is no link any more. */
const LINK = /\[[^[\]]{0,500}\]\((?:[^()\n]|\([^()\n]*\)){0,500}\)|<https?:[^<>\s]{1,500}>/g;
/** The end of a sentence, of a part of one where words have no spaces, or of a word. */
const WORDS = /([.!?…]["'”’)\]*_]*\s+|[。！？]+)|\s+|[，、；：]/g;

/** @param longest a block whose opening and closing lines are longer than this together is not continued */
export function breaksOf(text: string, longest: number): Breaks {
  const rank = new Uint8Array(text.length + 1);
  const fences: Fence[] = [];
  const fenceIndex = new Uint32Array(text.length + 1);
  let fence: Fence | null = null;
  let closes = (_line: string) => false;
  let before: "start" | "blank" | "text" | "fence" | "head" = "start";
  let inList = false;
  let block = 0;

  /** Ends the block that inline markup lies in. */
  const flush = (end: number) => {
    rankInline(text.slice(block, end), block, rank);
    block = end;
  };
  const keep = (one: Fence) => {
    if (one.open.length + one.close.length > longest) return;
    fences.push(one);
    fenceIndex.fill(fences.length, one.start + 1, one.end);
  };

  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).replace(/\r$/, "");
    const blank = line.trim() === "";
    if (fence) {
      if (closes(line)) {
        rank[start] = Break.line;
        keep({ ...fence, bodyEnd: start, end });
        [fence, before, block] = [null, "fence", end];
      } else if (!blank) {
        if (before !== "start") rank[start] = before === "blank" ? Break.nested : Break.line;
        rankWords(text.slice(start, end), start, rank);
        before = "text";
      } else if (before === "text") before = "blank";
    } else if (blank) {
      if (before === "text" || before === "fence") {
        flush(start);
        before = "blank";
      }
    } else {
      const opening = OPENING.exec(line);
      const value = rankOfLine(line, opening ? "fence" : before, inList);
      if (value > Break.line || line.trimStart().startsWith("|")) flush(start);
      rank[start] = value;
      inList = ITEM.test(line) || (inList && /^[ \t]/.test(line));
      before = HEADING.test(line) || TABLE_RULE.test(line) ? "head" : "text";
      if (opening || before === "head") flush(end);
      if (opening) {
        const [, lead = "", marker = "", info = ""] = opening;
        const indent = lead.replace(/[^>\s]/g, " ");
        const again = { open: `${indent}${marker}${info}\n`, close: `\n${indent}${marker}` };
        fence = { ...again, start, body: end + 1, bodyEnd: text.length, end: text.length + 1 };
        closes = closerOf(marker);
        before = "start";
      }
    }
    start = end + 1;
  }
  if (fence) keep(fence);
  else flush(text.length);
  return { rank, fenceAt: (position) => fences[(fenceIndex[position] ?? 0) - 1] ?? null };
}

function closerOf(marker: string): (line: string) => boolean {
  return (line) => {
    const found = CLOSING.exec(line)?.[1] ?? "";
    return found.length >= marker.length && found[0] === marker[0];
  };
}

/** How good a break before this line is. `before`: what the line before it was; `fence`: a code block is between them. */
function rankOfLine(line: string, before: string, inList: boolean): number {
  if (HEADING.test(line)) return Break.section;
  // A heading stays with what it is above, a table's head with its rule, and the rule with the first row.
  if (TABLE_RULE.test(line) || before === "head") return Break.inside;
  const item = ITEM.exec(line);
  const indented = /^[ \t]/.test(line);
  const apart = before === "blank" || before === "fence";
  if (indented) return item || apart ? Break.nested : Break.line;
  if (item && (inList || !apart)) return Break.item;
  return apart ? Break.paragraph : Break.line;
}

/** Sentences and words; those within a code span or a link only as the last choice before none. */
function rankInline(text: string, offset: number, rank: Uint8Array): void {
  rankWords(text, offset, rank);
  if (!/[`[<]/.test(text)) return;
  for (const [from, to] of [...codeSpans(text), ...links(text)]) {
    for (let at = offset + from + 1; at < offset + to; at++) if (rank[at]) rank[at] = Break.inside;
  }
}

function rankWords(text: string, offset: number, rank: Uint8Array): void {
  for (const match of text.matchAll(WORDS)) {
    const at = match.index + match[0].length;
    // Where lines begin is known already, and what was written within a line must not open a code block as the next.
    if (at === text.length || match[0].includes("\n") || /^(?:```|~~~|\p{M})/u.test(text.slice(at, at + 3))) continue;
    rank[offset + at] = match[1] ? Break.sentence : Break.word;
  }
}

function* links(text: string): Generator<[number, number]> {
  for (const match of text.matchAll(LINK)) yield [match.index, match.index + match[0].length];
}

/** Pairs each run of backticks with the next one of the same length. */
function* codeSpans(text: string): Generator<[number, number]> {
  const runs = [...text.matchAll(/`+/g)];
  const nextOf = new Map<number, number>();
  const partner = new Array<number | undefined>(runs.length);
  for (let index = runs.length - 1; index >= 0; index--) {
    const length = runs[index]?.[0].length ?? 0;
    partner[index] = nextOf.get(length);
    nextOf.set(length, index);
  }
  for (let index = 0; index < runs.length; index++) {
    const [open, close] = [runs[index], runs[partner[index] ?? -1]];
    if (!open || !close) continue;
    yield [open.index, close.index + close[0].length];
    index = partner[index] ?? index;
  }
}
