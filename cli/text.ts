/**
 * Text from agents, platforms and logs, made fit for a terminal. Invariant: nothing that passed `plain` can move the
 * cursor, change colours, set titles, write the clipboard or turn the reading direction.
 */
import { stripVTControlCharacters } from "node:util";

// Control characters but the newline, line separators, and the marks that reorder text to hide what it says.
const UNSAFE = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const ZERO = /^[\p{M}\p{Cf}]+$/u;

/** What a reader takes for one character. Made on demand: most text is ASCII and start-up time counts. */
const graphemes = (text: string) => new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text);

/** Takes out terminal escape sequences and control characters; newlines stay, tabs become spaces. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/\r\n?/g, "\n").replaceAll("\t", "    ").replace(UNSAFE, "");
}

/** `plain`, on one line, cut to `max` columns with an ellipsis. */
export function oneLine(text: string, max = Number.POSITIVE_INFINITY): string {
  return cut(plain(text).replace(/\s*\n\s*/g, " "), max);
}

/** Columns that a terminal gives to a text without newlines; an estimate for rare scripts. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text)) width += widthOfGrapheme(segment);
  return width;
}

function widthOfGrapheme(segment: string): number {
  if (WIDE.test(segment)) return 2;
  return ZERO.test(segment) ? 0 : 1;
}

/** Cuts a line to `max` columns; an ellipsis shows that something is missing. */
export function cut(line: string, max: number): string {
  if (widthOf(line) <= max) return line;
  let width = 0;
  let kept = "";
  for (const { segment } of graphemes(line)) {
    width += widthOfGrapheme(segment);
    if (width > max - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Breaks text into lines of at most `columns`, between words where it can. */
export function wrap(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, columns));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = "";
  let width = 0;
  for (const word of line.split(/(?<= )/)) {
    const wordWidth = widthOf(word.trimEnd());
    if (width > 0 && width + wordWidth > columns) {
      lines.push(current.trimEnd());
      current = "";
      width = 0;
    }
    if (wordWidth <= columns) {
      current += word;
      width += widthOf(word);
      continue;
    }
    for (const { segment } of graphemes(word)) {
      const segmentWidth = widthOfGrapheme(segment);
      if (width + segmentWidth > columns) {
        lines.push(current);
        current = "";
        width = 0;
      }
      current += segment;
      width += segmentWidth;
    }
  }
  return [...lines, current.trimEnd()];
}
