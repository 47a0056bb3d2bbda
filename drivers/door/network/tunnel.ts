/** CONNECT: where it may go, and what becomes of it: TLS that ends here, or bytes that pass unread. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { TLSSocket } from "node:tls";
import { parseAuthority } from "../../../packages/address-ranges/host.ts";
import type { Destination, EgressEnd } from "../../../src/gateway/egress.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { endRefused } from "./answer.ts";
import { type ExchangeParts, failed, nothingYet, notPassed, refusedBy } from "./exchange.ts";
import { Idle } from "./idle.ts";
import type { Leaves } from "./leaves.ts";
import { Recycled } from "./recycled.ts";
import { Unreachable } from "./unreachable.ts";

const ESTABLISHED = "HTTP/1.1 200 Connection established\r\n\r\n";

/** Answers a CONNECT. @returns where it leads if it is to be intercepted; null where nothing is left to do */
export async function openTunnel(
  parts: ExchangeParts,
  request: IncomingMessage,
  socket: Socket,
): Promise<Destination | null> {
  const { url = "", rawHeaders, headers } = request;
  const to = parseAuthority(url, null);
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  const named = headers.host === undefined ? to : parseAuthority(headers.host, to?.port ?? null);
  const framed = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  const agrees = hosts <= 1 && named?.host === to?.host && named?.port === to?.port && !framed;
  if (!to || !agrees) {
    const why = to
      ? "its Host header differs, or it has a body"
      : "a tunnel leads to host:port, with the host as a name or in the usual notation of an address";
    parts.refused(null, why);
    endRefused(socket, notPassed("a tunnel", why, 400));
    return null;
  }
  const { host, port } = to;
  const verdict = await parts.egress.tunnel({ host, port });
  const open = !socket.destroyed && socket.writable;
  if (verdict.do === "pass") {
    if (open) await pass(parts, { host, port, privateNetwork: verdict.privateNetwork }, socket, verdict.id);
    else parts.egress.ended(verdict.id, { ...nothingYet(), why: "the client went away" });
    return null;
  }
  if (!open) return null;
  if (verdict.do === "refuse") {
    endRefused(socket, refusedBy(verdict.message, verdict.status));
    return null;
  }
  socket.write(ESTABLISHED);
  return { host, port };
}

/** Unread, counted, and let go when nothing has passed for long. */
async function pass(
  parts: ExchangeParts,
  target: Destination & { privateNetwork: boolean },
  socket: Socket,
  id: number,
): Promise<void> {
  const began = parts.clock.now();
  const end = nothingYet();
  try {
    const back = new Recycled();
    const server = await parts.servers.tunnel(target, back.onread);
    end.address = server.remoteAddress ?? "";
    end.status = 101;
    if (socket.write(ESTABLISHED)) await joined(parts, socket, server, end, back);
    else server.destroy();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const status = error instanceof Unreachable ? error.status : 502;
    Object.assign(end, { why, status });
    endRefused(socket, failed(target.host, why, status));
  }
  parts.egress.ended(id, { ...end, ms: parts.clock.now() - began });
}

/**
 * Carries bytes both ways; each side may stop speaking while the other goes on. Resolves when both are closed.
 * @param back by what the server is read, where it was opened for that
 */
export function joined(
  { clock, limits }: ExchangeParts,
  client: Socket,
  server: Socket,
  end: EgressEnd,
  back: Recycled | null = null,
): Promise<void> {
  return new Promise((resolve) => {
    const idle = new Idle(clock, limits.tunnelIdle, () => {
      end.why = "nothing passed for a long time";
      client.destroy();
    });
    const passed = (field: "requestBytes" | "responseBytes") => (bytes: number) => {
      end[field] += bytes;
      idle.touch();
    };
    const [sent, came] = [passed("requestBytes"), passed("responseBytes")];
    client.on("data", (chunk: Buffer) => sent(chunk.length));
    let open = 2;
    const closed = (one: Socket, other: Socket) => {
      one.on("error", () => other.destroy());
      one.once("close", () => {
        // A clean end was passed on by the pipe.
        if (!one.readableEnded) other.destroy();
        open -= 1;
        if (open > 0) return;
        idle.stop();
        resolve();
      });
    };
    closed(client, server);
    closed(server, client);
    client.pipe(server);
    if (back) back.carry(server, client, came);
    else server.on("data", (chunk: Buffer) => came(chunk.length)).pipe(client);
  });
}

interface Interception {
  socket: Socket;
  to: Destination;
  leaves: Leaves;
  clock: Clock;
  /** For the handshake, milliseconds. */
  patience: number;
}

/** Ends the client's TLS here. @throws Error with what was wrong; the connection is then closed */
export function intercept({ socket, to, leaves, clock, patience }: Interception): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: leaves.contextFor(to.host),
      // Where a client speaks both, HTTP/1.1 is the faster one here, and the one that changes to WebSocket.
      ALPNProtocols: ["http/1.1", "h2"],
    });
    secure.allowHalfOpen = true;
    const fail = (why: string) => {
      late.cancel();
      secure.destroy();
      socket.destroy();
      reject(new Error(why));
    };
    const late = clock.after(patience, () => fail("a TLS handshake took too long"));
    const broken = () => fail("a TLS handshake failed: the client may not trust the certificate of the gateway");
    const cut = () => fail("a TLS handshake was cut off");
    secure.once("error", broken).once("close", cut);
    // The event of Node's own TLS server, when a client's handshake is done.
    secure.once("secure", () => {
      const { servername } = secure as TLSSocket & { servername?: string | false };
      // Clients name no address there, and all of them name a name.
      const agrees = isIP(to.host)
        ? !servername || servername === to.host
        : servername?.toString().toLowerCase() === to.host;
      if (!agrees) return fail(`the server name of its TLS is not ${to.host}, where its tunnel leads`);
      late.cancel();
      secure.off("error", broken).off("close", cut);
      // As that server does: HTTP/2 would go on waiting for the handshake.
      Object.assign(secure, { secureConnecting: false });
      secure.on("error", () => secure.destroy());
      resolve(secure);
    });
  });
}
