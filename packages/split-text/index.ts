/**
 * Splits a long text for a channel that limits the length of a message. Nothing is lost and nothing is said twice but
 * the lines that close a code block at a cut and open it again; white space at a cut goes. Pure.
 */
import { Break, type Breaks, breaksOf, type Fence } from "./breaks.ts";

const CUT_MARK = "\n\n[cut: too long]";
/** Below this there is no room for a code block's own lines. */
export const SHORTEST_LIMIT = 64;
/** How far back the beginning of a grapheme cluster is looked for, UTF-16 code units. */
const LOOK_BACK = 4096;

/**
 * @param maxLength longest part in UTF-16 code units, at least 64
 * @param mostParts what would need more of them is cut, with a mark
 * @returns the text itself where it fits; none where it is blank
 */
export function splitText(text: string, maxLength: number, mostParts = 900): string[] {
  if (maxLength < SHORTEST_LIMIT) throw new RangeError(`a limit of ${maxLength} is too short to split a text for`);
  const end = text.trimEnd().length;
  if (end === 0) return [];
  if (text.length <= maxLength) return [text];

  const breaks = breaksOf(text.slice(0, end), Math.floor(maxLength / 2));
  const parts: string[] = [];
  let from = textFrom(text, 0, maxLength);
  let fence: Fence | null = null;
  while (from < end) {
    const head = fence?.open ?? "";
    let room = maxLength - head.length;
    let to = end;
    let mark = "";
    if (end - from + closing(breaks, end) > room) {
      if (parts.length === mostParts - 1) mark = CUT_MARK;
      room -= mark.length;
      to = bestCut(text, from, room, end, breaks);
    }
    const inside = breaks.fenceAt(to);
    parts.push(head + text.slice(from, to).trimEnd() + (inside?.close ?? "") + mark);
    if (mark !== "") break;
    fence = inside;
    from = textFrom(text, to, maxLength);
    // Where nothing is left but the line that closes the block, the block is closed already.
    if (fence && from >= fence.bodyEnd) {
      from = textFrom(text, fence.end, maxLength);
      fence = null;
    }
  }
  return parts;
}

const closing = (breaks: Breaks, at: number) => breaks.fenceAt(at)?.close.length ?? 0;

/** Where to cut what begins at `from` and has `room` code units: the best break in the second half, the last of equals. */
function bestCut(text: string, from: number, room: number, end: number, breaks: Breaks): number {
  const limit = Math.min(end, from + room);
  const half = from + Math.floor(room / 2);
  const fits = (at: number) => at - from + closing(breaks, at) <= room;
  let [best, rank] = [0, 0];
  for (let at = limit; at > half; at--) {
    const here = breaks.rank[at] ?? 0;
    if (here > rank && fits(at)) [best, rank] = [at, here];
  }
  if (rank >= Break.word) return best;
  const early = earlierCut(from, half, limit, room, end, breaks);
  if (early !== null && fits(early)) return early;
  return rank > 0 ? best : hardCut(text, from, room, breaks);
}

/** A break in the first half, where it saves what follows it from being cut; else null. */
function earlierCut(from: number, half: number, limit: number, room: number, end: number, breaks: Breaks) {
  const good = (at: number) => (breaks.rank[at] ?? 0) >= Break.word;
  let at = half;
  while (at > from && !good(at)) at--;
  if (at === from) return null;
  let next = limit + 1;
  while (next < end && next <= at + room && !good(next)) next++;
  return next <= at + room ? at : null;
}

/** In the middle of a word, but never of a character as people see it, nor of the lines of a code block's own. */
function hardCut(text: string, from: number, room: number, breaks: Breaks): number {
  const limit = from + room;
  const fence = breaks.fenceAt(limit);
  if (!fence) return characterStart(text, from, limit);
  const at = Math.min(limit - fence.close.length, fence.bodyEnd);
  return at > fence.body ? characterStart(text, from, at) : fence.start;
}

/** The last beginning of a grapheme cluster up to `at`; of a code point where the cluster began before `from`. */
function characterStart(text: string, from: number, at: number): number {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  // Nothing below U+0300 joins with another, but the two of a line's end.
  if (before < 0x300 && after < 0x300 && after !== 0x0a) return at;
  const base = Math.max(from, at - LOOK_BACK);
  const segments = new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text.slice(base, at + 64));
  const start = base + (segments.containing(at - base)?.index ?? 0);
  if (start > from) return start;
  return (after & 0xfc00) === 0xdc00 && (before & 0xfc00) === 0xd800 ? at - 1 : at;
}

/** Where the text goes on at or after `at`: blank lines are left out, the indent of a line is kept. */
function textFrom(text: string, at: number, maxLength: number): number {
  const solid = /\S/g;
  solid.lastIndex = at;
  const found = solid.exec(text);
  if (!found) return text.length;
  const newline = text.slice(at, found.index).lastIndexOf("\n");
  const lineBegins = newline >= 0 || at === 0 || text[at - 1] === "\n";
  const line = at + newline + 1;
  if (lineBegins && found.index - line <= maxLength / 4) return line;
  // A mark that joins with the blank before it keeps it.
  return found.index > at && /^\p{M}/u.test(found[0]) ? found.index - 1 : found.index;
}
