/** What the gateway itself answers, in the shape of the model's API, so that every agent shows the words to a person. */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Refusal } from "../../src/gateway/head-rules.ts";

export interface Answer {
  status: number;
  /** One of the API's error types, e.g. "permission_error". */
  type: string;
  message: string;
}

/** @param what the request as far as it may be told, e.g. "GET /v1/files" */
export function refusal(what: string, verdict: Refusal): Answer {
  const message = `The NanoClaw gateway refused ${what}: ${verdict.why}. Only the owner of this NanoClaw can change its rules: ask them if you need this.`;
  return { status: verdict.status, type: verdict.type, message };
}

const bodyOf = ({ type, message }: Answer) => JSON.stringify({ type: "error", error: { type, message } });

/** Answers unless something was answered already. @returns the bytes of the body */
export function sendAnswer(response: ServerResponse, answer: Answer): number {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return 0;
  }
  const body = bodyOf(answer);
  const length = Buffer.byteLength(body);
  response.writeHead(answer.status, { "content-type": "application/json", "content-length": length }).end(body);
  return length;
}

/** The same for a connection that HTTP has let go: a refused upgrade or tunnel, or a request that does not parse. */
export function endWith(socket: Duplex, answer: Answer): void {
  if (!socket.writable) return void socket.destroy();
  const body = bodyOf(answer);
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
