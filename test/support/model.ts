/**
 * A model server whose words a test scripts, one entry for each message request. It speaks the real protocol (the
 * practice model's wire), can fail in every way that a model can, and keeps what it was asked.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  countTokens,
  type MessagesRequest,
  parseRequest,
  type ReplyBlock,
  RequestError,
} from "../../practice/messages.ts";
import {
  encodeEvent,
  errorBody,
  eventsOf,
  readBody,
  sendJson,
  sendStream,
  streamHeaders,
  toMessage,
} from "../../practice/wire.ts";

/** What to answer to one request. `afterMs` waits before the first byte. */
export type Scripted = { afterMs?: number } & (
  | { say: string; paceMs?: number }
  | { use: string; input: Record<string, unknown>; say?: string; paceMs?: number }
  /** A failure; the error type follows from the status. */
  | { status: number; message?: string; headers?: Record<string, string> }
  /** These bytes as an event stream. */
  | { raw: string }
  /** Begins to say this and never goes on; "" sends not even headers. */
  | { stall: string }
  /** Begins to say this and ends the stream in order, but without its last events. */
  | { truncate: string }
  /** Begins to say this and resets the connection; "" resets before any byte. */
  | { reset: string }
);

export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: MessagesRequest;
  /** The body as it came. */
  raw: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** The client went away before the answer had ended. */
  aborted: boolean;
}

export interface ScriptedModel {
  /** "http://127.0.0.1:PORT" or "unix:/path". */
  address: string;
  /** Requests for messages, in order; token counting is answered but not kept. */
  requests: RecordedRequest[];
  close(): Promise<void>;
}

/** A list is used up entry by entry; whatever is asked beyond its end fails with status 500. */
export type Script = Scripted[] | ((request: RecordedRequest, index: number) => Scripted | Promise<Scripted>);

const ERROR_TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

const FAILED = { status: 500, type: "api_error" };

/** Starts it on a Unix socket or a port of 127.0.0.1 (a free one unless named). */
export async function startScriptedModel(options: {
  script: Script;
  socket?: string;
  port?: number;
}): Promise<ScriptedModel> {
  const { script, socket, port = 0 } = options;
  const requests: RecordedRequest[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const raw = await readBody(request);
    const body = parseRequest(raw);
    if (request.url?.includes("/count_tokens")) return sendJson(response, 200, { input_tokens: countTokens(body) });
    const recorded = record(request, response, raw, body);
    const index = requests.push(recorded) - 1;
    const next = typeof script === "function" ? await script(recorded, index) : script[index];
    await act(next ?? { status: 500, message: `the script has no entry ${index}` }, recorded, response, String(index));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      const { status, type, message } = error instanceof RequestError ? error : { ...FAILED, message: String(error) };
      if (!response.headersSent) sendJson(response, status, errorBody(type, message));
    });
  });
  await once(socket ? server.listen(socket) : server.listen(port, "127.0.0.1"), "listening");
  return {
    address: socket ? `unix:${socket}` : `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function record(
  { method = "", url = "", headers }: IncomingMessage,
  response: ServerResponse,
  raw: string,
  body: MessagesRequest,
): RecordedRequest {
  const recorded = { method, path: url, headers, body, raw, at: Date.now(), aborted: false };
  response.on("close", () => {
    recorded.aborted = !response.writableFinished;
  });
  return recorded;
}

async function act(step: Scripted, { body }: RecordedRequest, response: ServerResponse, id: string): Promise<void> {
  if (step.afterMs) await sleep(step.afterMs);
  if ("status" in step) {
    const { status, message = `scripted failure ${status}`, headers } = step;
    sendJson(response, status, errorBody(ERROR_TYPES[status] ?? "api_error", message), headers);
  } else if ("raw" in step) {
    response.writeHead(200, streamHeaders).end(step.raw);
  } else if ("say" in step && !("use" in step)) {
    await speak(body, [{ type: "text", text: step.say }], response, id, step.paceMs);
  } else if ("use" in step) {
    const call = { type: "tool_use", name: step.use, input: step.input } as const;
    await speak(body, step.say ? [{ type: "text", text: step.say }, call] : [call], response, id, step.paceMs);
  } else {
    breakOff(step, body, response, id);
  }
}

async function speak(
  body: MessagesRequest,
  blocks: ReplyBlock[],
  response: ServerResponse,
  id: string,
  pace = 0,
): Promise<void> {
  const message = toMessage(body, { blocks, pace }, id);
  if (body.stream) await sendStream(response, message, pace);
  else sendJson(response, 200, message);
}

/** The beginning of a stream, and then what the script wants. */
function breakOff(
  step: { stall: string } | { truncate: string } | { reset: string },
  body: MessagesRequest,
  response: ServerResponse,
  id: string,
): void {
  const [text = ""] = Object.values(step).filter((value) => typeof value === "string");
  if (text || "truncate" in step) {
    response.writeHead(200, streamHeaders).flushHeaders();
    const message = toMessage(body, { blocks: [{ type: "text", text }], pace: 0 }, id);
    for (const event of eventsOf(message)) {
      if (event.type === "content_block_stop") break;
      response.write(encodeEvent(event));
    }
  }
  if ("truncate" in step) response.end();
  // A moment, so that what was written has left.
  if ("reset" in step) setTimeout(() => reset(response.socket), text ? 20 : 0);
}

/** Over TCP the other side gets an ECONNRESET; a Unix socket can only be closed. */
function reset(socket: Socket | null): void {
  if (socket?.remoteAddress) socket.resetAndDestroy();
  else socket?.destroy();
}

/** An agent that carries out "run: …" in a shell and says what came of it. */
export function obedient({ body }: RecordedRequest): Scripted {
  const last = JSON.stringify(body.messages.at(-1)?.content ?? "");
  const result = /"tool_result".*?"content":(?:\[\{[^}]*"text":)?("(?:[^"\\]|\\.)*")/.exec(last)?.[1];
  if (result) return { say: `it said: ${JSON.parse(result)}` };
  const [, command] = /run: (.*?)<<</.exec(last) ?? [];
  return command ? { use: "Bash", input: { command: JSON.parse(`"${command}"`) } } : { say: "welcome" };
}
