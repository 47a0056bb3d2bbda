/**
 * One request of a container, from its first lines to its end: read, decided, sent to where it was checked, and its
 * answer passed back at the pace of the slower side. Nothing is buffered, and when one side goes away so does the other.
 */
import type { EventEmitter } from "node:events";
import { ServerResponse } from "node:http";
import { Http2ServerResponse } from "node:http2";
import { pipeline } from "node:stream";
import type { EgressEnd, EgressVerdict } from "../../../src/gateway/egress.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { describeFailure } from "../describe-failure.ts";
import {
  answerRefused,
  type ClientRequest,
  type ClientResponse,
  cutOff,
  isGone,
  letGo,
  type Refused,
} from "./answer.ts";
import { BodyGuard, masked, SecretMask } from "./body.ts";
import type { SessionEgress } from "./egress.ts";
import { type Head, isBad, type Place, type RawHead, readHead } from "./head.ts";
import { grouped, type Headers, listed, passedBack } from "./headers.ts";
import { Idle } from "./idle.ts";
import type { NetworkLimits } from "./limits.ts";
import { type Outgoing, outgoing, placeholdersIn } from "./outgoing.ts";
import type { Servers } from "./servers.ts";
import { Unreachable } from "./unreachable.ts";
import type { Answer, Sent, UpstreamRequest } from "./upstream-request.ts";

export interface ExchangeParts {
  egress: SessionEgress;
  servers: Servers;
  limits: NetworkLimits;
  clock: Clock;
  /** The door's own refusal: for the record. */
  refused(to: Place | null, why: string): void;
}

export type Allowed = Extract<EgressVerdict, { allow: true }>;

/** The client closed the connection before it had the whole answer. */
const CLIENT_GONE = 499;
/** Methods that may be sent once more where the first try met a closed connection (RFC 9110, 9.2.2). */
const REPEATABLE = ["GET", "HEAD", "OPTIONS"];

export function rawHead(request: ClientRequest): RawHead {
  const { method = "", url = "", httpVersion: version } = request;
  const http2 = "stream" in request;
  return {
    ...{ method, target: url, headers: listed(request.rawHeaders) },
    // A request line can say so too.
    version: http2 || version !== "2.0" ? version : "2.0 in text",
    open: http2 && !request.stream.endAfterHeaders,
  };
}

export const refusedBy = (message: string, status: number): Refused => ({ status, message, kind: "refused" });
/** For what the door refuses by itself. @param what such as "GET https://example.org/" */
export const notPassed = (what: string, why: string, status: number) =>
  refusedBy(`The NanoClaw gateway refused ${what}: ${why}.`, status);
export const failed = (host: string, why: string, status: number): Refused => ({
  status,
  message: `The NanoClaw gateway could not get an answer from ${host}: ${why}.`,
  kind: status === 403 ? "refused" : "failed",
});

/** Answers the request, whatever happens. Never rejects. @param inside where the tunnel leads that it came through */
export async function exchange(
  parts: ExchangeParts,
  request: ClientRequest,
  response: ClientResponse,
  inside: Place | null,
): Promise<void> {
  request.on("error", () => {});
  response.on("error", () => {});
  const head = readHead(rawHead(request), inside);
  if (isBad(head)) {
    parts.refused(inside, head.why);
    answerRefused(request, response, notPassed("a request", head.why, head.status));
    return;
  }
  const verdict = await decide(parts, head, response, null);
  if (verdict === null) return;
  if (!verdict.allow) return answerRefused(request, response, refusedBy(verdict.message, verdict.status));
  const began = parts.clock.now();
  const end = nothingYet();
  try {
    const out = outgoing(head, verdict);
    if (typeof out === "string") throw new Unreachable(out, 403);
    await new Passage(parts, { request, response, head, verdict, out, end }).run();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const status = isGone(response) ? CLIENT_GONE : error instanceof Unreachable ? error.status : 502;
    Object.assign(end, { status, why });
    answerRefused(request, response, failed(head.to.host, why, status));
  }
  parts.egress.ended(verdict.id, { ...end, ms: parts.clock.now() - began });
}

/** @param client whoever waits for it @returns null where the client did not wait */
export async function decide(
  { egress }: ExchangeParts,
  head: Head,
  client: EventEmitter,
  upgrade: string | null,
): Promise<EgressVerdict | null> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  client.once("close", leave);
  const { to, method, path } = head;
  const asked = { ...to, method, path, upgrade, placeholders: placeholdersIn(head) };
  const verdict = await egress.decide(asked, gone.signal);
  client.off("close", leave);
  if (!gone.signal.aborted) return verdict;
  if (verdict.allow) egress.ended(verdict.id, { ...nothingYet(), why: "the client went away" });
  return null;
}

export const nothingYet = (): EgressEnd => ({
  ...{ status: CLIENT_GONE, address: "", why: "", requestBytes: 0, responseBytes: 0, ms: 0 },
});

interface Job {
  request: ClientRequest;
  response: ClientResponse;
  head: Head;
  verdict: Allowed;
  out: Outgoing;
  /** What came of it, filled in on the way. */
  end: EgressEnd;
}

/** An allowed request on its way to the server and back. */
class Passage {
  readonly #parts: ExchangeParts;
  readonly #job: Job;
  readonly #idle: Idle;
  #upstream: UpstreamRequest | null = null;
  #cause: Unreachable | null = null;
  #answered = false;

  constructor(parts: ExchangeParts, job: Job) {
    this.#parts = parts;
    this.#job = job;
    const late = () => this.#cut(new Unreachable("it did not answer in time", 504));
    this.#idle = new Idle(parts.clock, parts.limits.patience.connect + parts.limits.patience.firstByte, late);
  }

  /** @throws Unreachable and what sockets throw; the answer has then not begun, or was cut off */
  async run(): Promise<void> {
    const { response, end } = this.#job;
    const gone = () => this.#cut(new Unreachable("the client went away", CLIENT_GONE));
    response.once("close", gone);
    try {
      const answer = await this.#ask();
      response.off("close", gone);
      end.status = answer.status;
      await this.#passBack(answer);
    } catch (error) {
      this.#upstream?.destroy();
      throw this.#cause ?? (error instanceof Unreachable ? error : new Unreachable(describeFailure(error as Error)));
    } finally {
      this.#idle.stop();
      response.off("close", gone);
      letGo(this.#job.request);
      end.address = this.#upstream?.address() ?? "";
    }
  }

  async #ask(): Promise<Answer> {
    const { head } = this.#job;
    const first = await this.#send();
    try {
      return await first.answer;
    } catch (error) {
      const again = first.stale() && head.body.kind === "none" && REPEATABLE.includes(head.method) && !this.#cause;
      if (!again) throw error;
      return (await this.#send()).answer;
    }
  }

  async #send(): Promise<UpstreamRequest> {
    const { request, head, verdict, out } = this.#job;
    const sent: Sent = { to: head.to, method: head.method, path: out.path, headers: out.headers, body: head.body };
    const upstream = await this.#parts.servers.request(sent, verdict.privateNetwork, request.httpVersion === "2.0");
    this.#upstream = upstream;
    // Meanwhile the client may have left.
    if (this.#cause) throw this.#cause;
    if (head.body.kind === "none") upstream.body.end();
    else this.#sendBody(upstream, head.body.kind === "length" ? head.body.bytes : null);
    return upstream;
  }

  #sendBody(upstream: UpstreamRequest, length: number | null): void {
    const { request, response, verdict, end } = this.#job;
    if (/100-continue/i.test(String(request.headers.expect ?? ""))) response.writeContinue();
    const guard = new BodyGuard(length, (placeholder) => {
      this.#parts.egress.leaked(verdict.id, placeholder);
      this.#cut(new Unreachable("its body holds the placeholder of a credential", 403));
    });
    this.#idle.limit = this.#parts.limits.bodyIdle;
    guard.on("data", () => {
      this.#idle.touch();
      end.requestBytes = guard.bytes;
    });
    request.on("end", () => {
      if (request.rawTrailers.length > 0) upstream.trailers(safeTrailers(listed(request.rawTrailers)));
      this.#idle.limit = this.#parts.limits.patience.firstByte;
    });
    // Not a pipeline: that would end the client's connection with the body, and it could not read the answer.
    guard.on("error", (error) => this.#cut(new Unreachable(error.message, 400)));
    request.pipe(guard).pipe(upstream.body);
  }

  async #passBack(answer: Answer): Promise<void> {
    const { response, out, end } = this.#job;
    const { secrets } = out;
    this.#answered = true;
    const headers = passedBack(answer.headers).map(([name, value]): [string, string] => [name, masked(value, secrets)]);
    writeHead(response, answer.status, headers);
    this.#idle.limit = this.#parts.limits.patience.idle;
    const count = (chunk: Buffer) => {
      end.responseBytes += chunk.length;
      this.#idle.touch();
    };
    answer.body.on("data", count);
    answer.body.pause();
    // A client that takes long over what it got is alive as well.
    response.on("drain", () => this.#idle.touch());
    await passBody(answer, response, secrets);
  }

  #cut(cause: Unreachable): void {
    this.#cause ??= cause;
    this.#upstream?.destroy();
    if (this.#answered) cutOff(this.#job.response);
  }
}

function writeHead(response: ClientResponse, status: number, headers: Headers): void {
  if (response instanceof Http2ServerResponse) response.writeHead(status, grouped(headers, true));
  else if (response instanceof ServerResponse) response.writeHead(status, grouped(headers)).flushHeaders();
}

function passBody({ body, trailers }: Answer, response: ClientResponse, secrets: string[]): Promise<void> {
  body.once("end", () => {
    const last = safeTrailers(trailers()).map(([name, value]): [string, string] => [name, masked(value, secrets)]);
    if (last.length > 0) response.addTrailers(grouped(last));
  });
  return new Promise((resolve, reject) => {
    const done = (error: Error | null | undefined) => (error ? reject(error) : resolve());
    const out = response as NodeJS.WritableStream;
    if (secrets.length > 0) pipeline(body, new SecretMask(secrets), out, done);
    else pipeline(body, out, done);
  });
}

/** Trailers that would change how the message is read are taken off (RFC 9110, 6.5.1). */
function safeTrailers(trailers: Headers): Headers {
  const framing = [
    "content-length",
    "transfer-encoding",
    "host",
    "authorization",
    "set-cookie",
    "trailer",
    "connection",
  ];
  return passedBack(trailers).filter(([name]) => !framing.includes(name.toLowerCase()));
}
