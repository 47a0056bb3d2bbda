/**
 * Carries bytes between 127.0.0.1 and the session socket, so that ordinary HTTP clients reach the gateway without a
 * network. It understands nothing of what passes; an error on one side closes the other.
 */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { PROXY_PATH, PROXY_PROTOCOL } from "../../protocol/session-socket.ts";

/** Connections at once; one more is refused in words. A tool that opens more has lost its way. */
const MAX_CONNECTIONS = 128;
const BODY = '{"error":{"type":"refused","message":"Too many connections are open in this container."}}';
const FULL = `HTTP/1.1 429 Refused\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n${BODY}`;
/** How long a client that was refused may go on sending: it reads the answer after it, milliseconds. */
const LINGER = 1_000;

export interface Relay {
  /** "http://127.0.0.1:<port>" */
  url: string;
  close(): void;
}

/** Listens on a free port of the loopback device. Rejects when it can't. */
export function startRelay(socketPath: string, maxConnections = MAX_CONNECTIONS): Promise<Relay> {
  return start(0, maxConnections, (inner, open) => {
    const outer = connect({ path: socketPath, allowHalfOpen: true });
    join(inner, outer, open);
    join(outer, inner, open);
  });
}

/** For clients of an HTTP proxy: each connection first asks the session socket for one, and is then passed on as it is. */
export function startProxyRelay(socketPath: string, port: number, maxConnections = MAX_CONNECTIONS): Promise<Relay> {
  return start(port, maxConnections, (inner, open) => {
    const outer = connect({ path: socketPath, allowHalfOpen: true });
    const asked = `GET ${PROXY_PATH} HTTP/1.1\r\nHost: nanoclaw\r\nConnection: Upgrade\r\nUpgrade: ${PROXY_PROTOCOL}`;
    outer.write(`${asked}\r\n\r\n`);
    let head = Buffer.alloc(0);
    const answered = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      outer.off("data", answered).off("end", givenUp);
      // A refusal is an answer that the client understands as it is.
      const rest = head.toString("latin1").startsWith("HTTP/1.1 101 ") ? head.subarray(end + 4) : head;
      if (rest.length > 0) inner.write(rest);
      join(outer, inner, open);
      // Not before: what came while the connection was handed over would be lost.
      join(inner, outer, open);
    };
    const givenUp = () => {
      inner.destroy();
      outer.destroy();
    };
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket)).on("error", givenUp);
    }
    inner.once("close", () => head.length === 0 && outer.destroy());
    outer
      .on("data", answered)
      .once("end", givenUp)
      .once("close", () => inner.destroy());
  });
}

async function start(
  port: number,
  maxConnections: number,
  accept: (inner: Socket, open: Set<Socket>) => void,
): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (inner) => {
    if (open.size < 2 * maxConnections) return accept(inner, open);
    inner.on("error", () => inner.destroy()).resume();
    inner.end(FULL);
    setTimeout(() => inner.destroy(), LINGER);
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function join(from: Socket, to: Socket, open: Set<Socket>): void {
  open.add(from);
  from.pipe(to);
  from.on("error", () => to.destroy());
  from.on("close", () => {
    open.delete(from);
    // A clean end was passed on by the pipe; whatever is left of the pair has nobody to talk to.
    if (!from.readableEnded) to.destroy();
  });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
