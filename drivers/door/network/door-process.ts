/**
 * The process that carries what containers send to the network. It holds the key of the certificate authority and, of
 * other secrets, what one request needs while it passes; it may read nothing but its own code, and is killed when it
 * does not answer. All that it knows of rules it asks the host for.
 */
import type { Socket } from "node:net";
import tls from "node:tls";
import { PROXY_PROTOCOL } from "../../../protocol/session-socket.ts";
import type { EgressVerdict, TunnelVerdict } from "../../../src/gateway/egress.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { SessionEgress } from "./egress.ts";
import { Leaves } from "./leaves.ts";
import { ProxySession } from "./proxy-session.ts";
import { type LookUp, systemLookUp } from "./resolve.ts";
import type { Beginning, FromDoor, ToDoor } from "./wire.ts";

const SWITCHED = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROXY_PROTOCOL}\r\n\r\n`;

/** Serves until the host goes away. @param lookUp how names are resolved */
export function serveDoor(lookUp: LookUp = systemLookUp): void {
  const sessions = new Map<string, ProxySession>();
  const waiting = new Map<number, (verdict: EgressVerdict | TunnelVerdict) => void>();
  /** Connections that the host still has too. */
  const arriving = new Map<number, { socket: Socket; session: string; early: string }>();
  let asked = 0;
  let shared: { leaves: Leaves; trust: tls.SecureContext; limits: Beginning["limits"] } | null = null;

  const say = (message: FromDoor) => void process.send?.(message);
  const ask = (message: (ask: number) => FromDoor): [number, Promise<EgressVerdict | TunnelVerdict>] => {
    asked += 1;
    const { promise, resolve } = Promise.withResolvers<EgressVerdict | TunnelVerdict>();
    waiting.set(asked, resolve);
    say(message(asked));
    return [asked, promise];
  };

  const egressOf = (session: string): SessionEgress => ({
    async tunnel(to) {
      const [, verdict] = ask((n) => ({ do: "tunnel", ask: n, session, to }));
      return (await verdict) as TunnelVerdict;
    },
    async decide(request, signal) {
      const [n, verdict] = ask((n) => ({ do: "decide", ask: n, session, request }));
      const gone = () => say({ do: "gone", ask: n });
      signal.addEventListener("abort", gone);
      const said = (await verdict) as EgressVerdict;
      signal.removeEventListener("abort", gone);
      return said;
    },
    ended: (id, end) => say({ do: "ended", session, id, end }),
    leaked: (id, placeholder) => say({ do: "leaked", session, id, placeholder }),
    refused: (to, why, times) => say({ do: "refused", session, to, why, times }),
  });

  const sessionOf = (id: string): ProxySession | null => {
    if (!shared) return null;
    const known = sessions.get(id);
    if (known) return known;
    const made = new ProxySession({ ...shared, lookUp, clock: systemClock, egress: egressOf(id) });
    sessions.set(id, made);
    return made;
  };

  process.on("message", (message: ToDoor, socket: Socket | undefined) => {
    switch (message.do) {
      case "begin": {
        const roots = [...tls.getCACertificates("default"), ...tls.getCACertificates("system"), ...message.trust];
        const trust = tls.createSecureContext({ ca: [...new Set(roots)] });
        shared = { leaves: new Leaves(message.authority, systemClock), trust, limits: message.limits };
        return;
      }
      case "connection": {
        const { n, session, early } = message;
        if (socket) arriving.set(n, { socket: socket.on("error", () => socket.destroy()), session, early });
        say({ do: "taken", n });
        return;
      }
      case "go": {
        const { socket, session = "", early = "" } = arriving.get(message.n) ?? {};
        arriving.delete(message.n);
        if (!socket) return;
        const proxy = sessionOf(session);
        if (!proxy) return void socket.destroy();
        if (early) socket.unshift(Buffer.from(early, "base64"));
        socket.write(SWITCHED);
        proxy.accept(socket);
        return;
      }
      case "answer":
        waiting.get(message.ask)?.(message.verdict);
        waiting.delete(message.ask);
        return;
      case "close":
        for (const [n, { socket, session }] of arriving) {
          if (session !== message.session) continue;
          arriving.delete(n);
          socket.destroy();
        }
        sessions.get(message.session)?.close();
        sessions.delete(message.session);
        return;
      case "ping": {
        const connections = [...sessions.values()].reduce((sum, each) => sum + each.connections, arriving.size);
        say({ do: "pong", n: message.n, connections });
        return;
      }
    }
  });
  process.on("disconnect", () => process.exit(0));
}

if (import.meta.main) serveDoor();
