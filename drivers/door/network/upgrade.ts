/** A request that changes to WebSocket: decided like every other, then bytes both ways until one side has enough. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { answerRefused } from "./answer.ts";
import { masked } from "./body.ts";
import { decide, type ExchangeParts, failed, nothingYet, notPassed, rawHead, refusedBy } from "./exchange.ts";
import { isBad, type Place, readHead } from "./head.ts";
import { grouped, type Headers, listed, passedBack } from "./headers.ts";
import { outgoing } from "./outgoing.ts";
import { joined } from "./tunnel.ts";
import { Unreachable } from "./unreachable.ts";

const PROTOCOL = "websocket";

/** @param response for what is no change of protocol. Never rejects. */
export async function upgrade(
  parts: ExchangeParts,
  request: IncomingMessage,
  response: ServerResponse,
  socket: Socket,
  inside: Place | null,
): Promise<void> {
  const head = readHead(rawHead(request), inside);
  const problem = isBad(head)
    ? head
    : head.body.kind !== "none" || head.method !== "GET"
      ? { status: 400, why: "a WebSocket begins with a GET without a body" }
      : null;
  if (isBad(head) || problem) {
    const { status, why } = problem ?? { status: 400, why: "" };
    parts.refused(inside, why);
    return answerRefused(request, response, notPassed("a WebSocket", why, status));
  }
  const verdict = await decide(parts, head, socket, PROTOCOL);
  if (verdict === null) return;
  if (!verdict.allow) return answerRefused(request, response, refusedBy(verdict.message, verdict.status));
  const began = parts.clock.now();
  const end = nothingYet();
  const out = outgoing(head, verdict);
  try {
    if (typeof out === "string") throw new Unreachable(out, 403);
    const sent = { to: head.to, method: "GET", path: out.path, headers: out.headers, body: head.body };
    const { server, early, headers, status, body } = await change(parts, sent, verdict.privateNetwork, socket);
    end.address = server.remoteAddress ?? "";
    end.status = status;
    const back = passedBack(headers).map(([name, value]): [string, string] => [name, masked(value, out.secrets)]);
    if (status === 101) {
      response.detachSocket(socket);
      const lines = [...back, ["Connection", "Upgrade"], ["Upgrade", PROTOCOL]].map(
        ([name, value]) => `${name}: ${value}`,
      );
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      if (early.length > 0) server.unshift(early);
      await joined(parts, socket, server, end);
    } else {
      response.writeHead(status, { ...grouped(back), connection: "close" });
      for await (const chunk of body ?? []) {
        end.responseBytes += chunk.length;
        if (!response.write(chunk)) await new Promise((go) => response.once("drain", go).once("close", go));
        if (response.destroyed) break;
      }
      response.end();
      server.destroy();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const status = error instanceof Unreachable ? error.status : 502;
    Object.assign(end, { why, status });
    answerRefused(request, response, failed(head.to.host, why, status));
  }
  parts.egress.ended(verdict.id, { ...end, ms: parts.clock.now() - began });
}

interface Changed {
  server: Socket;
  early: Buffer;
  status: number;
  headers: Headers;
  /** Where the server answered without changing the protocol. */
  body: IncomingMessage | null;
}

function change(
  parts: ExchangeParts,
  sent: Parameters<ExchangeParts["servers"]["upgrade"]>[0],
  privateNetwork: boolean,
  client: Socket,
): Promise<Changed> {
  const { request } = parts.servers.upgrade(sent, privateNetwork, PROTOCOL);
  return new Promise((resolve, reject) => {
    const late = parts.clock.after(parts.limits.patience.connect + parts.limits.patience.firstByte, () =>
      fail(new Unreachable("it did not answer in time", 504)),
    );
    const fail = (error: Error) => {
      late.cancel();
      request.destroy();
      reject(error);
    };
    client.once("close", () => fail(new Unreachable("the client went away", 499)));
    request.once("error", fail);
    request.once("upgrade", (answer: IncomingMessage, server: Socket, early: Buffer) => {
      late.cancel();
      resolve({ server, early, status: 101, headers: listed(answer.rawHeaders), body: null });
    });
    request.once("response", (answer: IncomingMessage) => {
      late.cancel();
      resolve({
        server: answer.socket,
        early: Buffer.alloc(0),
        status: answer.statusCode ?? 502,
        headers: listed(answer.rawHeaders),
        body: answer,
      });
    });
    request.end();
  });
}
