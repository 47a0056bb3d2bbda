/**
 * Reads what a model's answer tells of its use while it passes: tokens, the model's name, and how much was written so far.
 * What it reads is bounded, and does not depend on how the bytes were cut on their way. It never holds up or changes a byte.
 */
import { countsIn, fieldsOf, modelIn, NO_USE, type TokenUse } from "./counts.ts";

export { NO_USE, type TokenUse } from "./counts.ts";

export interface Reading {
  /** Null where the answer does not name it. */
  model: string | null;
  /** What was told so far; null where nothing was. */
  told: TokenUse | null;
  /** The count of the output is the last one. */
  final: boolean;
  /** Bytes of what the model wrote, as far as it came: for an estimate where nothing is told. */
  written: number;
}

export const NOTHING_READ: Reading = { model: null, told: null, final: false, written: 0 };

/** Longest line or body that is looked into, bytes. */
export const MAX_READ = 1_000_000;
/** Bytes of text for a token: English has some four, code and other scripts fewer. An estimate shall not be too low. */
const BYTES_PER_TOKEN = 3;
const NEWLINE = 10;

export class UsageReader {
  readonly #streamed: boolean;
  #parts: Buffer[] = [];
  #size = 0;
  #reading: Reading = NOTHING_READ;

  /** @param contentType of the response: an event stream, or one JSON message */
  constructor(contentType: string) {
    this.#streamed = contentType.trim().toLowerCase().startsWith("text/event-stream");
  }

  push(chunk: Buffer): void {
    if (!this.#streamed) {
      this.#keep(chunk);
      return;
    }
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      this.#endLine();
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** What was read so far. Of a whole message that is nothing until `end`. */
  get reading(): Reading {
    return this.#reading;
  }

  /** The answer is over, or was cut off. */
  end(): Reading {
    if (this.#streamed) this.#endLine();
    else this.#endBody();
    return this.#reading;
  }

  /** What is too long to be looked into only counts by its length. */
  #keep(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size > MAX_READ) this.#parts = [];
    else if (bytes.length > 0) this.#parts.push(bytes);
  }

  #endLine(): void {
    const { text, size } = this.#taken();
    if (text === null) this.#reading = { ...this.#reading, written: this.#reading.written + size };
    else if (text.startsWith("data:")) this.#take(parsed(text.slice(5)), null);
  }

  #endBody(): void {
    const { text, size } = this.#taken();
    this.#take(text === null ? null : parsed(text), size);
  }

  /** As latin1: every byte is a character, so lengths are bytes and no character is ever cut. */
  #taken(): { text: string | null; size: number } {
    const [parts, size] = [this.#parts, this.#size];
    this.#parts = [];
    this.#size = 0;
    return { text: size > MAX_READ ? null : Buffer.concat(parts).toString("latin1"), size };
  }

  /** @param size of a whole message */
  #take(event: unknown, size: number | null): void {
    const { model, told, final, written } = this.#reading;
    const counts = countsIn(event);
    this.#reading = {
      model: model ?? modelIn(event),
      told: counts ? later(told, counts) : told,
      // A stream opens with counts of what was read; that of the output means nothing yet.
      final: final || (counts?.output !== undefined && fieldsOf(event).type !== "message_start"),
      written: written + (size ?? writtenIn(event)),
    };
  }
}

/**
 * What a request used, with what is missing estimated from its size.
 * @param requestBytes of its body
 */
export function usedBy(reading: Reading, requestBytes: number): { use: TokenUse; estimated: boolean } {
  const { told, final, written } = reading;
  if (told && final) return { use: told, estimated: false };
  const output = Math.max(told?.output ?? 0, estimate(written));
  return { use: { ...(told ?? { ...NO_USE, input: estimate(requestBytes) }), output }, estimated: true };
}

export const estimate = (bytes: number) => Math.ceil(bytes / BYTES_PER_TOKEN);

/** Counts of a stream grow: where one is told again as less, it was left out there. */
function later(before: TokenUse | null, counts: Partial<TokenUse>): TokenUse {
  const known = before ?? NO_USE;
  const entries = Object.entries(known).map(([name, value]) => [
    name,
    Math.max(value, counts[name as keyof TokenUse] ?? 0),
  ]);
  return Object.fromEntries(entries) as unknown as TokenUse;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

const MAX_DEPTH = 6;
const NOT_TEXT = new Set(["type", "role", "id", "signature", "stop_reason", "stop_sequence"]);

/** Length of what the model wrote in this event. */
function writtenIn(event: unknown): number {
  const { delta, choices } = fieldsOf(event);
  const chosen = Array.isArray(choices) ? choices.map((choice) => [fieldsOf(choice).delta, fieldsOf(choice).text]) : [];
  return textIn([delta, chosen], 0);
}

function textIn(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length;
  if (depth > MAX_DEPTH) return 0;
  const inner = Array.isArray(value)
    ? value
    : Object.entries(fieldsOf(value)).flatMap(([name, one]) => (NOT_TEXT.has(name) ? [] : [one]));
  return inner.reduce<number>((sum, one) => sum + textIn(one, depth + 1), 0);
}
