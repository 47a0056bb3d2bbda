/**
 * Token counts as models' APIs tell them: Anthropic's messages, OpenAI's chat completions and responses, and what speaks
 * like them. Pure. What has a wrong type, is negative or beyond belief counts as not told.
 */

/** Tokens of one request, each counted once. */
export interface TokenUse {
  /** Read for the first time, at the full price. */
  input: number;
  output: number;
  cacheRead: number;
  /** Written to the cache, however long it is kept. */
  cacheWrite: number;
  /** The part of `cacheWrite` that is kept for an hour, which costs more. */
  cacheWriteHour: number;
}

export const NO_USE: TokenUse = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 };

/** More than any request can hold: such a number is an error, and sums of them would not stay exact. */
const MOST = 100_000_000;

/** @param event one event of a stream, or a whole answer. @returns what it tells; null where it tells no count */
export function countsIn(event: unknown): Partial<TokenUse> | null {
  const { usage, message, response } = fieldsOf(event);
  for (const told of [usage, fieldsOf(message).usage, fieldsOf(response).usage]) {
    const counts = countsOf(fieldsOf(told));
    if (Object.keys(counts).length > 0) return counts;
  }
  return null;
}

/** The name of the model that answers; null where the event does not tell it. */
export function modelIn(event: unknown): string | null {
  const { model, message, response } = fieldsOf(event);
  const names = [model, fieldsOf(message).model, fieldsOf(response).model];
  const name = names.find((one): one is string => typeof one === "string" && one !== "");
  return name === undefined ? null : name.replace(/[^\x21-\x7e]/g, "?").slice(0, 100);
}

function countsOf(usage: Record<string, unknown>): Partial<TokenUse> {
  if ("prompt_tokens" in usage || "completion_tokens" in usage) {
    const cached = count(fieldsOf(usage.prompt_tokens_details).cached_tokens) ?? count(usage.prompt_cache_hit_tokens);
    return told({ ...without(count(usage.prompt_tokens), cached), output: count(usage.completion_tokens) });
  }
  if ("input_tokens_details" in usage || "output_tokens_details" in usage) {
    const cached = count(fieldsOf(usage.input_tokens_details).cached_tokens);
    return told({ ...without(count(usage.input_tokens), cached), output: count(usage.output_tokens) });
  }
  const hour = count(fieldsOf(usage.cache_creation).ephemeral_1h_input_tokens);
  const written = count(usage.cache_creation_input_tokens);
  return told({
    input: count(usage.input_tokens),
    output: count(usage.output_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheWrite: written ?? hour,
    cacheWriteHour: hour === null || written === null ? hour : Math.min(hour, written),
  });
}

/** OpenAI counts what came from the cache among the input. */
function without(input: number | null, cached: number | null) {
  return { input: input === null ? null : Math.max(0, input - (cached ?? 0)), cacheRead: cached };
}

function told(counts: Partial<Record<keyof TokenUse, number | null>>): Partial<TokenUse> {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== null));
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST ? value : null;
}

export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
