/**
 * One session's way to the network: its clients' connections, what they ask for, and its share. A connection carries
 * plain requests in absolute form, or CONNECT and then a tunnel; inside an intercepted tunnel it is HTTP again.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import type { Destination } from "../../../src/gateway/egress.ts";
import type { Clock, Timer } from "../../../src/lib/clock.ts";
import { TokenBucket } from "../limits.ts";
import { answerRefused, type ClientRequest, type ClientResponse, endRefused } from "./answer.ts";
import type { SessionEgress } from "./egress.ts";
import { type ExchangeParts, exchange, notPassed } from "./exchange.ts";
import type { Place } from "./head.ts";
import type { Leaves } from "./leaves.ts";
import type { NetworkLimits } from "./limits.ts";
import { Refusals } from "./refusals.ts";
import { type LookUp, Resolver } from "./resolve.ts";
import { Servers } from "./servers.ts";
import { intercept, openTunnel } from "./tunnel.ts";
import { upgrade } from "./upgrade.ts";

export interface ProxySessionParts {
  egress: SessionEgress;
  leaves: Leaves;
  trust: SecureContext;
  lookUp: LookUp;
  limits: NetworkLimits;
  clock: Clock;
}

export class ProxySession {
  readonly #parts: ProxySessionParts;
  readonly #exchange: ExchangeParts;
  readonly #requests: TokenBucket;
  readonly #certificates: TokenBucket;
  readonly #refusals: Refusals;
  readonly #servers: Servers;
  readonly #http: Server;
  readonly #http2: Http2Server;
  readonly #open = new Set<Socket>();
  /** Where each connection's tunnel leads; none for one that is not inside a tunnel. */
  readonly #inside = new WeakMap<object, Place>();
  readonly #deadlines = new WeakMap<object, Timer>();
  /** Requests of a connection that may be sent one behind the other. */
  readonly #unanswered = new WeakMap<object, number>();
  #running = 0;

  constructor(parts: ProxySessionParts) {
    const { clock, limits, egress } = parts;
    this.#parts = parts;
    this.#requests = new TokenBucket(clock, limits.requests);
    this.#certificates = new TokenBucket(clock, limits.certificates);
    this.#refusals = new Refusals(clock, (to, why, times) => egress.refused(to, why, times));
    const resolver = new Resolver(parts.lookUp, clock, limits);
    this.#servers = new Servers({ resolver, trust: parts.trust, clock, patience: limits.patience.connect }, limits);
    const refused = (to: Destination | null, why: string) => this.#refusals.add(to, why);
    this.#exchange = { egress, servers: this.#servers, limits, clock, refused };
    this.#http = this.#httpServer();
    this.#http2 = this.#http2Server();
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Takes a client's connection, before its first byte. */
  accept(socket: Socket): void {
    socket.allowHalfOpen = true;
    socket.on("error", () => socket.destroy());
    if (this.#open.size >= this.#parts.limits.connections) {
      this.#refusals.add(null, "too many connections");
      endRefused(socket, notPassed("a connection", "this session has too many of them open", 429));
      return;
    }
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    this.#serve(socket);
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
    this.#servers.close();
    this.#refusals.flush();
  }

  /** Speaks HTTP/1.1 on a connection, from now on. */
  #serve(socket: Duplex): void {
    this.#await(socket, this.#parts.limits.headerTime);
    socket.once("close", () => this.#busy(socket));
    this.#http.emit("connection", socket);
  }

  #httpServer(): Server {
    const { limits } = this.#parts;
    const server = createServer({
      ...{ insecureHTTPParser: false, requireHostHeader: false, maxHeaderSize: limits.headerBytes },
      ...{ keepAliveTimeout: limits.keepAlive, headersTimeout: 0, requestTimeout: 0, noDelay: true },
      // Other upgrades, such as that to HTTP/2 without TLS, are answered as if they had not been asked for.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
    });
    // Else what is beyond its usual two thousand would be left out silently; the head is bounded and counted here.
    server.maxHeadersCount = 0;
    server.on("request", (request, response) => void this.#request(request, response));
    server.on("checkContinue", (request, response) => void this.#request(request, response));
    server.on("checkExpectation", (request, response) => {
      answerRefused(request, response, notPassed("a request", "what its Expect header asks for is not known", 417));
    });
    server.on("upgrade", (request: IncomingMessage, socket: Socket, early: Buffer) => {
      this.#busy(socket);
      if (early.length > 0) socket.unshift(early);
      const response = new ServerResponse(request);
      response.assignSocket(socket);
      response.shouldKeepAlive = false;
      response.once("finish", () => socket.end());
      void this.#counted(request, response, () =>
        upgrade(this.#exchange, request, response, socket, this.#inside.get(socket) ?? null),
      );
    });
    server.on("connect", (request: IncomingMessage, socket: Socket, early: Buffer) => {
      this.#busy(socket);
      if (early.length > 0) socket.unshift(early);
      void this.#connect(request, socket);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => this.#malformed(error, socket));
    return server;
  }

  #http2Server(): Http2Server {
    const { limits } = this.#parts;
    const server = createHttp2Server({
      settings: { maxConcurrentStreams: 100, maxHeaderListSize: limits.headerBytes, enableConnectProtocol: false },
      maxHeaderListPairs: limits.headerCount,
      maxSessionMemory: 8,
      maxSettings: 32,
      unknownProtocolTimeout: limits.headerTime,
    });
    server.on("request", (request, response) => void this.#request(request, response));
    server.on("checkContinue", (request, response) => void this.#request(request, response));
    server.on("sessionError", () => {});
    server.on("session", (session: ServerHttp2Session) => {
      session.setTimeout(limits.keepAlive, () => session.close());
    });
    return server;
  }

  async #request(request: ClientRequest, response: ClientResponse): Promise<void> {
    const { socket } = request;
    this.#busy(socket);
    const inside = this.#inside.get("stream" in request ? (request.stream.session ?? {}) : socket) ?? null;
    this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 0) + 1);
    await this.#counted(request, response, () => exchange(this.#exchange, request, response, inside));
    const left = (this.#unanswered.get(socket) ?? 1) - 1;
    this.#unanswered.set(socket, left);
    // The next one's headers may take as long, however slowly they come.
    if (left === 0 && !("stream" in request)) this.#await(socket, this.#parts.limits.keepAlive);
  }

  async #counted(request: ClientRequest, response: ClientResponse, run: () => Promise<void>): Promise<void> {
    const { limits } = this.#parts;
    const why =
      request.rawHeaders.length > 2 * limits.headerCount
        ? { status: 431, why: `it has more than ${limits.headerCount} headers` }
        : this.#running >= limits.concurrent
          ? { status: 429, why: `more than ${limits.concurrent} requests at once` }
          : this.#requests.take()
            ? null
            : { status: 429, why: `more than ${limits.requests.rate} requests a second` };
    if (why) {
      this.#refusals.add(null, why.why);
      answerRefused(request, response, notPassed("a request", why.why, why.status));
      if ("stream" in request) request.stream.session?.close();
      return;
    }
    this.#running += 1;
    try {
      await run();
    } finally {
      this.#running -= 1;
    }
  }

  async #connect(request: IncomingMessage, socket: Socket): Promise<void> {
    const refused = (to: Destination | null, why: string, status: number) => {
      this.#refusals.add(to, why);
      endRefused(socket, notPassed("a tunnel", why, status));
    };
    if (this.#inside.has(socket)) return refused(null, "a tunnel inside a tunnel does not pass", 405);
    if (!this.#requests.take()) return refused(null, "too many requests a second", 429);
    const opened = await openTunnel(this.#exchange, request, socket);
    if (!opened) return;
    const { leaves, limits, clock } = this.#parts;
    const { host } = opened;
    if (!leaves.has(host) && !this.#certificates.take()) return refused(opened, "too many new hosts a second", 429);
    const tunnel = intercept({ socket, to: opened, leaves, clock, patience: limits.headerTime });
    const secure = await tunnel.catch((error: Error) => {
      this.#refusals.add(opened, error.message);
      return null;
    });
    if (!secure) return;
    const place: Place = { scheme: "https", ...opened };
    if (secure.alpnProtocol === "h2") {
      this.#http2.once("session", (session: ServerHttp2Session) => this.#inside.set(session, place));
      this.#http2.emit("connection", secure);
      return;
    }
    this.#inside.set(secure, place);
    this.#serve(secure);
  }

  /** Ends a connection on which no request has come in time. */
  #await(socket: Duplex, time: number): void {
    this.#busy(socket);
    if (socket.destroyed) return;
    this.#deadlines.set(
      socket,
      this.#parts.clock.after(time, () => socket.destroy()),
    );
  }

  #busy(socket: object): void {
    this.#deadlines.get(socket)?.cancel();
    this.#deadlines.delete(socket);
  }

  #malformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    this.#busy(socket);
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
    const why = status === 431 ? "its headers are too large" : "it is not valid HTTP/1.1";
    this.#refusals.add(this.#inside.get(socket) ?? null, why);
    // In the middle of an answer there is no place for another one.
    if ((socket as Duplex & { _httpMessage?: unknown })._httpMessage) socket.destroy();
    else endRefused(socket, notPassed("a request", why, status));
  }
}
