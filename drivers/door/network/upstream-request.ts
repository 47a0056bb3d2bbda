/** A request to a server and its answer, the same for HTTP/1.1 and HTTP/2. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import type { Readable, Writable } from "node:stream";
import type { Framing, Place } from "./head.ts";
import { grouped, type Headers, listed } from "./headers.ts";
import type { PinnedAgent } from "./pinned-agent.ts";

export interface Sent {
  to: Place;
  method: string;
  path: string;
  headers: Headers;
  body: Framing;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Readable;
  /** Known when the body has ended. */
  trailers(): Headers;
}

export interface UpstreamRequest {
  body: Writable;
  answer: Promise<Answer>;
  /** Where it went; empty until it is connected. */
  address(): string;
  /** Whether it may be tried again: it failed on a connection that an earlier request had left. */
  stale(): boolean;
  /** Sends these after the body. */
  trailers(headers: Headers): void;
  destroy(): void;
}

/** Largest head of an answer, bytes. */
const MAX_HEAD = 65_536;

export const authorityOf = ({ scheme, host, port }: Place) => {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === (scheme === "https" ? 443 : 80) ? name : `${name}:${port}`;
};

/** What HTTP/1.1 says of the request's body. Said by name: Node would leave it out for some methods. */
function framingHeaders(body: Framing): Headers {
  if (body.kind === "none") return [];
  return body.kind === "length" ? [["content-length", String(body.bytes)]] : [["transfer-encoding", "chunked"]];
}

/** Cookies that HTTP/2 took apart go into one line (RFC 9113, 8.2.3). */
function joinedCookies(headers: Headers): Headers {
  const cookies = headers.filter(([name]) => name.toLowerCase() === "cookie").map(([, value]) => value);
  const others = headers.filter(([name]) => name.toLowerCase() !== "cookie" && name.toLowerCase() !== "te");
  return cookies.length > 0 ? [...others, ["Cookie", cookies.join("; ")]] : others;
}

/** @param upgrade the protocol to change to; the connection is then not used again */
export function overHttp1(
  sent: Sent,
  agent: PinnedAgent,
  upgrade: string | null,
): UpstreamRequest & { request: ClientRequest } {
  const { method, path, to } = sent;
  const headers: Headers = [["Host", authorityOf(to)], ...joinedCookies(sent.headers), ...framingHeaders(sent.body)];
  if (upgrade !== null) headers.push(["Connection", "Upgrade"], ["Upgrade", upgrade]);
  const request = httpRequest({
    ...{ agent, method, path, setHost: false, maxHeaderSize: MAX_HEAD, insecureHTTPParser: false },
    headers: grouped(headers),
  });
  let address = "";
  request.once("socket", (socket) => {
    address = socket.remoteAddress ?? "";
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (response: IncomingMessage) =>
      resolve({
        status: response.statusCode ?? 502,
        headers: listed(response.rawHeaders),
        body: response,
        trailers: () => listed(response.rawTrailers),
      }),
    );
    request.once("close", () => reject(new Error("the connection was cut")));
  });
  answer.catch(() => {});
  request.on("error", () => {});
  if (sent.body.kind !== "none") request.flushHeaders();
  return {
    ...{ request, answer, body: request },
    address: () => address,
    stale: () => request.reusedSocket,
    trailers: (list) => request.addTrailers(list),
    destroy: () => request.destroy(),
  };
}

export function overHttp2(sent: Sent, session: ClientHttp2Session): UpstreamRequest {
  const { method, path, to } = sent;
  const ends = sent.body.kind === "none";
  const length: Headers = sent.body.kind === "length" ? [["content-length", String(sent.body.bytes)]] : [];
  const stream = session.request(
    {
      ":method": method,
      ":path": path,
      ":scheme": to.scheme,
      ":authority": authorityOf(to),
      ...grouped([...sent.headers, ...length], true),
    },
    { endStream: ends, waitForTrailers: !ends },
  );
  let last: Headers = [];
  stream.on("wantTrailers", () => stream.sendTrailers(grouped(last, true)));
  const address = session.socket.remoteAddress ?? "";
  const answer = new Promise<Answer>((resolve, reject) => {
    stream.once("error", reject);
    stream.once("response", (headers) => resolve(answerOf(stream, headers)));
    stream.once("close", () => reject(new Error("the connection was cut")));
  });
  answer.catch(() => {});
  stream.on("error", () => {});
  return {
    ...{ answer, body: stream },
    address: () => address,
    stale: () => false,
    trailers: (list) => {
      last = list;
    },
    destroy: () => stream.destroy(),
  };
}

function answerOf(stream: ClientHttp2Stream, headers: IncomingHttpHeaders & IncomingHttpStatusHeader): Answer {
  let trailers: Headers = [];
  stream.once("trailers", (given) => {
    trailers = flat(given);
  });
  return { status: headers[":status"] ?? 502, headers: flat(headers), body: stream, trailers: () => trailers };
}

function flat(headers: IncomingHttpHeaders): Headers {
  return Object.entries(headers).flatMap(([name, value]): Headers => {
    if (value === undefined || name.startsWith(":")) return [];
    return Array.isArray(value) ? value.map((each): [string, string] => [name, each]) : [[name, String(value)]];
  });
}
