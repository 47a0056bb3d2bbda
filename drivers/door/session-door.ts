/**
 * One session's socket, its server and its limits. What comes in is the bell or a request to a model; everything else is
 * refused by name. The socket is the session's identity.
 */
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { BELL_PATH, BELL_PROTOCOL, PROXY_PATH, PROXY_PROTOCOL } from "../../protocol/session-socket.ts";
import type { DoorHooks, DoorSession, OpenDoor, RequestIntent, RequestRecord } from "../../src/gateway/door.ts";
import type { Meter } from "../../src/gateway/meter.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { endWith, refusal } from "./answers.ts";
import { Bell } from "./bell.ts";
import { isUpload, takeUpload } from "./file-upload.ts";
import { TokenBucket } from "./limits.ts";
import { ModelProxy, type ProxyParts } from "./model-proxy.ts";
import type { NetworkDoor } from "./network/network-door.ts";

/** Longest path of a Unix socket that every system takes, bytes. */
const MAX_SOCKET_PATH = 100;
/** Connections to the network that a session may begin, a second in the long run and at once. */
const HANDOVERS = { rate: 50, burst: 300 };
/** Of these, so many may wait for their process, which may have to be started: they are refused in words, not dropped. */
const WAITING = 128;
/** Longest part of a container's own words that goes into a record. */
const MAX_SHOWN = 200;

export interface SessionDoorParts extends Omit<ProxyParts, "record" | "intend" | "meter"> {
  meter: Meter;
  intend(request: RequestIntent): Promise<number | null>;
  record(record: RequestRecord): void;
  network: Pick<NetworkDoor, "take"> | null;
  /** A message is on its way to the agent, so a request to the model is near. */
  onActivity(): void;
}

export class SessionDoor implements OpenDoor {
  readonly #session: DoorSession;
  readonly #parts: SessionDoorParts;
  readonly #hooks: DoorHooks;
  readonly #bell: Bell;
  readonly #proxy: ModelProxy;
  readonly #server: Server;
  readonly #socketPath: string;
  readonly #handovers: TokenBucket;
  readonly #answering = new WeakSet<Duplex>();
  /** Connections that HTTP has let go: the bell, refused tunnels. The server does not close them. */
  readonly #detached = new Set<Duplex>();

  /** @throws Misuse where the path is too long */
  constructor(session: DoorSession, socketPath: string, hooks: DoorHooks, parts: SessionDoorParts) {
    if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH) {
      throw new Misuse(`the socket path ${socketPath} is too long`, "Set NANOCLAW_RUN to a short folder of your own.");
    }
    this.#session = session;
    this.#parts = parts;
    this.#socketPath = socketPath;
    this.#hooks = hooks;
    this.#bell = new Bell(parts.clock, hooks);
    this.#handovers = new TokenBucket(parts.clock, HANDOVERS);
    const { meter } = parts;
    const { id, agentGroup } = session;
    this.#proxy = new ModelProxy({
      ...parts,
      intend: (entry) => parts.intend({ session: id, agentGroup, ...entry, path: shown(entry.path) }),
      record: (entry) => this.#record(entry),
      meter: {
        ask: (request) => meter.ask(session, request),
        goesOn: (id, reading) => meter.goesOn(id, reading),
        ended: (id, status, reading) => meter.ended(id, status, reading),
      },
    });
    this.#server = this.#createServer();
  }

  get connected(): boolean {
    return this.#bell.connected;
  }

  ring(): void {
    this.#parts.onActivity();
    this.#bell.ring();
  }

  /** Starts to listen; only the session's user (and root) may connect. */
  async listen(): Promise<void> {
    const dir = dirname(this.#socketPath);
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o711);
    rmSync(this.#socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(this.#socketPath, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    chmodSync(this.#socketPath, 0o600);
    if (process.getuid?.() === 0) chownSync(this.#socketPath, this.#session.uid, -1);
  }

  async close(): Promise<void> {
    this.#bell.close();
    for (const socket of this.#detached) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #createServer(): Server {
    const { limits } = this.#parts;
    const server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerTime,
      requestTimeout: limits.headerTime + limits.bodyTime,
      keepAliveTimeout: 60_000,
    });
    server.maxConnections = limits.connections + (this.#parts.network ? WAITING : 0);
    server.on("request", (request, response) => {
      this.#answering.add(request.socket);
      response.once("close", () => this.#answering.delete(request.socket));
      if (isUpload(request)) void this.#upload(request, response);
      else void this.#proxy.handle(request, response);
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    server.on("connect", (request, socket) => this.#refuse(request, socket));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#malformed(error, socket));
    return server;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { url, headers, method } = request;
    if (method === "GET" && url === PROXY_PATH && headers.upgrade === PROXY_PROTOCOL) {
      this.#handOver(socket, head);
      return;
    }
    if (method !== "GET" || url !== BELL_PATH || headers.upgrade !== BELL_PROTOCOL) {
      this.#refuse(request, socket);
      return;
    }
    this.#detach(socket);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${BELL_PROTOCOL}\r\n\r\n`);
    this.#bell.attach(socket, head);
  }

  /** A client of the network's proxy: from here on its bytes are another process's. */
  #handOver(socket: Duplex, early: Buffer): void {
    this.#detach(socket);
    const { network } = this.#parts;
    const within = this.#handovers.take();
    const why = !within
      ? "too many connections a second"
      : network && socket instanceof Socket
        ? network.take(this.#session, socket, early)
        : "nothing but the model can be reached from here";
    if (why === null) return;
    const status = within ? 503 : 429;
    endWith(socket, refusal("a connection to the network", { status, type: "api_error", why }));
    this.#record({ method: "GET", path: PROXY_PATH, status, decision: "deny", why });
  }

  async #upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => {});
    response.on("error", () => {});
    const { status, why } = await takeUpload(request, response, (name, bytes) => this.#hooks.onFile(name, bytes));
    const { method = "", url = "" } = request;
    this.#record({ method, path: url, status, decision: status === 200 ? "allow" : "deny", why });
  }

  /** Tunnels and other upgrades: nothing that is not read may pass. */
  #refuse({ method = "", url = "" }: IncomingMessage, socket: Duplex): void {
    this.#detach(socket);
    const why = method === "CONNECT" ? "tunnels do not pass" : "no such upgrade is known here";
    endWith(socket, refusal(`${method} ${shown(url)}`, { status: 403, type: "permission_error", why }));
    this.#record({ method, path: url, status: 403, decision: "deny", why });
  }

  #malformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    // In the middle of an answer there is no place for another one.
    if (error.code === "ECONNRESET" || !socket.writable || this.#answering.has(socket)) return void socket.destroy();
    const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
    const why =
      status === 431 ? "its headers are too large" : status === 408 ? "it took too long" : "it is not valid HTTP/1.1";
    endWith(socket, refusal("a request", { status, type: "invalid_request_error", why }));
    this.#record({ method: "?", path: "?", status, decision: "deny", why });
  }

  #detach(socket: Duplex): void {
    this.#detached.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#detached.delete(socket));
  }

  #record(
    entry: Pick<RequestRecord, "method" | "path" | "status" | "decision" | "why"> & Partial<RequestRecord>,
  ): void {
    const { id: session, agentGroup } = this.#session;
    this.#parts.record({
      ...{ session, agentGroup, host: "", requestBytes: 0, responseBytes: 0, ms: 0, usage: null, intent: null },
      ...entry,
      path: shown(entry.path),
      why: entry.why.slice(0, 2 * MAX_SHOWN),
    });
  }
}

/** A request target without its query, as far as it is fit for a log. */
function shown(target: string): string {
  return (target.split("?")[0] ?? "").replace(/[^\x21-\x7e]/g, "?").slice(0, MAX_SHOWN);
}
