/** What the door itself answers a client in the container, in place of a server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";

export type ClientRequest = IncomingMessage | Http2ServerRequest;
export type ClientResponse = ServerResponse | Http2ServerResponse;

export interface Refused {
  status: number;
  message: string;
  /** "refused" by a rule or by the door itself, or "failed" on the way. */
  kind: "refused" | "failed";
}

/** How long a client whose request is refused may go on sending its body, milliseconds: it reads the answer after it. */
const LINGER = 2_000;

/** Longest reason in a status line, characters. */
const MOST_REASON = 600;

export const bodyOf = ({ kind, message }: Refused) => JSON.stringify({ error: { type: kind, message } });

/** Many tools show what stands in the status line and nothing of the body: npm and pip among them. */
export const reasonOf = ({ message }: Refused) => message.replace(/[^ -~]+/g, " ").slice(0, MOST_REASON);

export function headersOf(refused: Refused, body = bodyOf(refused), type = "application/json"): Record<string, string> {
  return { "content-type": type, "content-length": String(Buffer.byteLength(body)), "x-nanoclaw": refused.kind };
}

/** Answers unless something was answered already: then the answer is cut off. */
export function answerRefused(request: ClientRequest, response: ClientResponse, refused: Refused): void {
  if (response.headersSent || isGone(response)) {
    cutOff(response);
    return;
  }
  if (response instanceof Http2ServerResponse) {
    response.writeHead(refused.status, headersOf(refused));
    response.end(bodyOf(refused));
    return;
  }
  // Git shows a server's words where they are plain text, and no others.
  const plain = /^git\//.test(String(request.headers["user-agent"]));
  const body = plain ? `${refused.message}\n` : bodyOf(refused);
  response.writeHead(refused.status, reasonOf(refused), {
    ...headersOf(refused, body, plain ? "text/plain" : "application/json"),
    ...(!request.complete && { connection: "close" }),
  });
  response.end(body);
  letGo(request);
}

/** What is left of a request's body that nobody wants is read for a moment, so that its client gets to the answer. */
export function letGo(request: ClientRequest): void {
  if (request.complete || "stream" in request) return;
  const { socket } = request;
  request.unpipe();
  request.resume();
  const linger = setTimeout(() => socket.destroy(), LINGER).unref();
  request.once("end", () => clearTimeout(linger));
}

export function isGone(response: ClientResponse): boolean {
  return response instanceof Http2ServerResponse ? (response.stream?.destroyed ?? true) : response.destroyed;
}

export function cutOff(response: ClientResponse): void {
  if (response instanceof Http2ServerResponse) response.stream?.destroy();
  else response.destroy();
}

/** The same for a connection that HTTP has let go. */
export function endRefused(socket: Duplex, refused: Refused): void {
  if (!socket.writable) return void socket.destroy();
  const head = Object.entries({ ...headersOf(refused), connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end(`HTTP/1.1 ${refused.status} ${reasonOf(refused)}\r\n${head.join("\r\n")}\r\n\r\n${bodyOf(refused)}`);
  const linger = setTimeout(() => socket.destroy(), LINGER).unref();
  socket.resume().once("close", () => clearTimeout(linger));
}
