/**
 * Connections of one session to servers. They are never shared between sessions: what one session does to a connection
 * is no other's trouble. A client of HTTP/2 gets HTTP/2 where the server speaks it, one of HTTP/1.1 its like.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import type { OnReadOpts, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type DialParts, dial } from "./dial.ts";
import { type NetworkLimits, STREAM_WINDOW, UPSTREAM_WINDOW } from "./limits.ts";
import { PinnedAgent } from "./pinned-agent.ts";
import type { Target } from "./resolve.ts";
import { overHttp1, overHttp2, type Sent, type UpstreamRequest } from "./upstream-request.ts";

/** Servers whose connections are kept; beyond them those are let go that nobody uses. */
const MAX_SERVERS = 128;
/** An HTTP/2 connection without a request is closed after so many milliseconds. */
const HTTP2_IDLE = 30_000;

interface Server {
  agent: PinnedAgent;
  http2: Promise<ClientHttp2Session | null> | null;
}

export class Servers {
  readonly #parts: DialParts;
  readonly #limits: NetworkLimits;
  readonly #servers = new Map<string, Server>();
  #http2 = 0;

  constructor(parts: DialParts, limits: NetworkLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /** @param http2 whether the client speaks it. @throws Unreachable */
  async request(sent: Sent, privateNetwork: boolean, http2: boolean): Promise<UpstreamRequest> {
    const target = { host: sent.to.host, port: sent.to.port, privateNetwork };
    const server = this.#server(target, sent.to.scheme === "https");
    const session = http2 && sent.to.scheme === "https" ? await this.#session(server, target) : null;
    return session ? overHttp2(sent, session) : overHttp1(sent, server.agent, null);
  }

  /** For one request that changes the protocol: on a connection of its own. */
  upgrade(sent: Sent, privateNetwork: boolean, protocol: string) {
    const target = { host: sent.to.host, port: sent.to.port, privateNetwork };
    return overHttp1(sent, this.#agent(target, sent.to.scheme === "https"), protocol);
  }

  /** Bytes as they are. @throws Unreachable */
  tunnel(target: Target, onread: OnReadOpts): Promise<Socket> {
    return dial(this.#parts, target, null, onread);
  }

  close(): void {
    for (const server of this.#servers.values()) letGo(server);
    this.#servers.clear();
  }

  #server(target: Target, secure: boolean): Server {
    const key = JSON.stringify([target.host, target.port, target.privateNetwork, secure]);
    const known = this.#servers.get(key);
    if (known) return known;
    if (this.#servers.size >= MAX_SERVERS) this.#forget();
    const server: Server = { agent: this.#agent(target, secure), http2: null };
    this.#servers.set(key, server);
    return server;
  }

  #agent(target: Target, secure: boolean): PinnedAgent {
    return new PinnedAgent(() => dial(this.#parts, target, secure ? ["http/1.1"] : null));
  }

  /** @returns null where the server, or what this session has already, leaves it at HTTP/1.1 */
  async #session(server: Server, target: Target): Promise<ClientHttp2Session | null> {
    const open = await server.http2;
    if (open && !open.closed && !open.destroyed) return open;
    // Once it has chosen HTTP/1.1 it is not asked again.
    if (server.http2 && !open) return null;
    if (this.#http2 >= this.#limits.http2Servers) return null;
    const opening = this.#open(server, target);
    server.http2 = opening;
    opening.catch(() => {
      if (server.http2 === opening) server.http2 = null;
    });
    return opening;
  }

  async #open(server: Server, target: Target): Promise<ClientHttp2Session | null> {
    this.#http2 += 1;
    let counted = true;
    const release = () => {
      if (counted) this.#http2 -= 1;
      counted = false;
    };
    try {
      const socket = (await dial(this.#parts, target, ["h2", "http/1.1"])) as TLSSocket;
      if (socket.alpnProtocol !== "h2") {
        release();
        server.agent.give(socket);
        return null;
      }
      const session = connect(`https://${target.host.includes(":") ? `[${target.host}]` : target.host}`, {
        createConnection: () => socket,
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      });
      session.once("close", release).on("error", () => {});
      session.once("connect", () => session.setLocalWindowSize(UPSTREAM_WINDOW));
      session.setTimeout(HTTP2_IDLE, () => session.close());
      return session;
    } catch (error) {
      release();
      throw error;
    }
  }

  #forget(): void {
    for (const [key, server] of this.#servers) {
      if (server.agent.inUse) continue;
      server.agent.destroy();
      // Lets what still runs on it come to its end.
      void server.http2?.then(
        (session) => session?.close(),
        () => {},
      );
      this.#servers.delete(key);
      return;
    }
  }
}

function letGo({ agent, http2 }: Server): void {
  agent.destroy();
  void http2?.then(
    (session) => session?.destroy(),
    () => {},
  );
}
