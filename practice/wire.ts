/** The Anthropic Messages protocol as bytes: a reply as one JSON message or as a stream of server-sent events. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { countTokens, type MessagesRequest, type Reply, RequestError } from "./messages.ts";

/** Largest request body, bytes; the real API's limit. */
const MAX_BODY = 32_000_000;

export interface WireMessage {
  id: string;
  type: "message";
  role: "assistant";
  model: string;
  content: ({ type: "text"; text: string } | { type: "tool_use"; id: string; name: string; input: unknown })[];
  stop_reason: "end_turn" | "tool_use" | "max_tokens" | "refusal";
  stop_sequence: null;
  usage: {
    input_tokens: number;
    output_tokens: number;
    cache_creation_input_tokens: number;
    cache_read_input_tokens: number;
  };
}

/** Gives the reply ids, token counts and a reason for its end; text beyond `max_tokens` is cut. @param unique part of all ids */
export function toMessage(request: MessagesRequest, reply: Reply, unique: string): WireMessage {
  const limit = (request.max_tokens || 4096) * 4;
  const cut = reply.blocks.some((block) => block.type === "text" && block.text.length > limit);
  const content = reply.blocks.map((block, index) =>
    block.type === "text"
      ? { ...block, text: block.text.slice(0, limit) }
      : { ...block, id: `toolu_practice_${unique}_${index}` },
  );
  return {
    id: `msg_practice_${unique}`,
    type: "message",
    role: "assistant",
    model: request.model,
    content,
    stop_reason: content.some((block) => block.type === "tool_use") ? "tool_use" : cut ? "max_tokens" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: countTokens(request),
      output_tokens: countTokens(content),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
  };
}

export interface WireEvent {
  type: string;
  [field: string]: unknown;
}

/** The events of a message in the order of the protocol. Text comes word by word, tool input in small pieces. */
export function* eventsOf(message: WireMessage): Generator<WireEvent> {
  const start = { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } };
  yield { type: "message_start", message: start };
  yield { type: "ping" };
  for (const [index, block] of message.content.entries()) {
    const empty = block.type === "text" ? { ...block, text: "" } : { ...block, input: {} };
    yield { type: "content_block_start", index, content_block: empty };
    const pieces = block.type === "text" ? words(block.text) : chunks(JSON.stringify(block.input), 40);
    for (const piece of pieces) {
      const delta =
        block.type === "text" ? { type: "text_delta", text: piece } : { type: "input_json_delta", partial_json: piece };
      yield { type: "content_block_delta", index, delta };
    }
    yield { type: "content_block_stop", index };
  }
  const { stop_reason, stop_sequence, usage } = message;
  yield { type: "message_delta", delta: { stop_reason, stop_sequence }, usage: { output_tokens: usage.output_tokens } };
  yield { type: "message_stop" };
}

export function encodeEvent(event: WireEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

export const streamHeaders = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

/** Writes the message as a stream, pausing `pace` milliseconds after each delta; stops when the client has gone. */
export async function sendStream(response: ServerResponse, message: WireMessage, pace: number): Promise<void> {
  response.writeHead(200, streamHeaders);
  for (const event of eventsOf(message)) {
    if (response.destroyed) return;
    response.write(encodeEvent(event));
    if (pace > 0 && event.type === "content_block_delta") await sleep(pace);
  }
  response.end();
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** The body of a failure, in the protocol's shape. */
export function errorBody(type: string, message: string): { type: "error"; error: { type: string; message: string } } {
  return { type: "error", error: { type, message } };
}

/** @throws RequestError when it is larger than the real API takes. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY) throw new RequestError(413, "request_too_large", "Request exceeds the maximum size");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The text cut behind each white space, so that the pieces joined are the text. */
function words(text: string): string[] {
  return text.match(/\S*\s*/g)?.filter(Boolean) ?? [];
}

function chunks(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}
