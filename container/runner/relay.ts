/**
 * Carries bytes between 127.0.0.1 and the session socket, so that ordinary HTTP clients reach the gateway without a
 * network. It understands nothing of what passes; an error on one side closes the other.
 */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Connections at once; one more is closed at once. A tool that opens more has lost its way. */
const MAX_CONNECTIONS = 128;

export interface Relay {
  /** "http://127.0.0.1:<port>" */
  url: string;
  close(): void;
}

/** Listens on a free port of the loopback device. Rejects when it can't. */
export async function startRelay(socketPath: string, maxConnections = MAX_CONNECTIONS): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (inner) => {
    if (open.size >= 2 * maxConnections) {
      inner.destroy();
      return;
    }
    const outer = connect({ path: socketPath, allowHalfOpen: true });
    join(inner, outer, open);
    join(outer, inner, open);
  });
  await listen(server);
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

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
