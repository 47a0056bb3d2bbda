/** What a request's body says of its own price, whatever types it uses for that. Pure, for the process that inspects bodies. */
import type { BodyFacts } from "../../src/gateway/meter.ts";

/** More than any model writes, tokens: what sums are made of stays small. */
const MOST_OUTPUT = 1_000_000;

/** @param hash of the whole body */
export function factsOf({ model, max_tokens, stream, speed }: Record<string, unknown>, hash: string): BodyFacts {
  const isCount = typeof max_tokens === "number" && Number.isInteger(max_tokens) && max_tokens >= 0;
  return {
    model: typeof model === "string" ? model.replace(/[^\x21-\x7e]/g, "?").slice(0, 100) : "",
    maxOutput: isCount ? Math.min(max_tokens, MOST_OUTPUT) : null,
    streamed: stream === true,
    fast: speed === "fast",
    hash,
  };
}
