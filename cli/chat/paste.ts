/**
 * Keeps pasted text in one piece: between the terminal's paste marks ("bracketed paste") a newline becomes a visible
 * sign, which turns back into a newline when the message is sent. So a paste never sends itself.
 */
import { Transform, type TransformCallback } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ReadStream } from "node:tty";

/** Stands for a newline in the input line. */
export const NEWLINE_SIGN = "␤";
export const PASTE_ON = "\x1b[?2004h";
export const PASTE_OFF = "\x1b[?2004l";
const START = "\x1b[200~";
const END = "\x1b[201~";
/** Alt-Enter, as terminals send it. */
const ALT_ENTER = "\x1b\r";

export interface PasteState {
  pasting: boolean;
  /** The beginning of what may become a mark. */
  held: string;
}

export const notPasting: PasteState = { pasting: false, held: "" };

/** What the line editor gets for what the terminal sent. */
export function filterPaste(state: PasteState, input: string): { state: PasteState; output: string } {
  let { pasting } = state;
  let rest = state.held + input;
  let output = "";
  for (;;) {
    const mark = pasting ? END : START;
    const at = rest.indexOf(mark);
    if (at < 0) break;
    output += fit(rest.slice(0, at), pasting);
    rest = rest.slice(at + mark.length);
    pasting = !pasting;
  }
  const held = heldEnd(rest, pasting ? END : START, pasting ? 1 : 2);
  output += fit(rest.slice(0, rest.length - held.length), pasting);
  return { state: { pasting, held }, output };
}

function fit(text: string, pasted: boolean): string {
  if (!pasted) return text.replaceAll(ALT_ENTER, NEWLINE_SIGN);
  const lines = text.replace(/\r\n?|\n/g, NEWLINE_SIGN).replaceAll("\t", "    ");
  return lines.replace(/\p{Cc}/gu, "");
}

/** The end of `text` that is a beginning of `mark`, at least `min` characters long (a lone Escape is a key). */
function heldEnd(text: string, mark: string, min: number): string {
  for (let length = Math.min(mark.length - 1, text.length); length >= min; length--) {
    if (text.endsWith(mark.slice(0, length))) return text.slice(-length);
  }
  return "";
}

/** The filter as a stream, between the terminal and the line editor, which also sets the terminal's mode through it. */
export class PasteFilter extends Transform {
  readonly #terminal: ReadStream;
  readonly #decoder = new StringDecoder("utf8");
  #state = notPasting;

  constructor(terminal: ReadStream) {
    super();
    this.#terminal = terminal;
    terminal.pipe(this);
  }

  setRawMode(raw: boolean): void {
    this.#terminal.setRawMode(raw);
  }

  get isRaw(): boolean {
    return this.#terminal.isRaw;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { state, output } = filterPaste(this.#state, this.#decoder.write(chunk));
    this.#state = state;
    done(null, output);
  }
}
