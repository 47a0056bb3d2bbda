/** Reads the token counts out of a model's answer while it passes. It never holds up or changes a byte. */
import type { Usage } from "../../protocol/rows.ts";

/** Longest line or body that is looked at, characters; counts stand in short lines. */
const MAX_TEXT = 1_000_000;

const FIELDS = {
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cache_read_input_tokens: "cacheReadTokens",
  cache_creation_input_tokens: "cacheWriteTokens",
} as const;

export class UsageMeter {
  readonly #streamed: boolean;
  #text = "";
  #usage: Usage | null = null;

  /** @param contentType of the response: an event stream, or one JSON message */
  constructor(contentType: string) {
    this.#streamed = contentType.startsWith("text/event-stream");
  }

  push(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    if (this.#streamed) {
      const lines = this.#text.split("\n");
      this.#text = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:") && line.includes('"usage"')) this.#read(line.slice(5));
    }
    if (this.#text.length > MAX_TEXT) this.#text = "";
  }

  /** What was counted so far; null where the answer told nothing. */
  result(): Usage | null {
    if (!this.#streamed && this.#text) {
      this.#read(this.#text);
      this.#text = "";
    }
    return this.#usage;
  }

  /** A stream tells the input first (`message_start`), the output last (`message_delta`); the later number counts. */
  #read(json: string): void {
    const usage = usageIn(json);
    if (!usage) return;
    const next = this.#usage ?? { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
    for (const [field, name] of Object.entries(FIELDS)) {
      const count = usage[field];
      if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) next[name] = count;
    }
    this.#usage = next;
  }
}

function usageIn(json: string): Record<string, unknown> | null {
  try {
    const said = JSON.parse(json) as {
      usage?: Record<string, unknown>;
      message?: { usage?: Record<string, unknown> };
    } | null;
    return said?.usage ?? said?.message?.usage ?? null;
  } catch {
    return null;
  }
}
