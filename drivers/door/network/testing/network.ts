/** A proxy of one session with a scripted egress, its clients, and servers on this machine with names of their own. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import tls, { type TLSSocket } from "node:tls";
import { makeAuthority, makeServerCertificate, newKey } from "../../../../packages/certificates/certificate.ts";
import type {
  Destination,
  EgressEnd,
  EgressRequest,
  EgressVerdict,
  TunnelVerdict,
} from "../../../../src/gateway/egress.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import type { SessionEgress } from "../egress.ts";
import { Leaves } from "../leaves.ts";
import { type NetworkLimits, networkLimits } from "../limits.ts";
import { ProxySession } from "../proxy-session.ts";
import type { LookUp } from "../resolve.ts";

const HOUR = 3_600_000;
const validity = { from: new Date(Date.now() - HOUR), to: new Date(Date.now() + HOUR) };
const pem = (key: ReturnType<typeof newKey>) => key.export({ type: "pkcs8", format: "pem" }).toString();
const doorKey = newKey();
/** What the clients trust, and what the servers' certificates come from. */
export const doorAuthority = {
  key: pem(doorKey),
  certificate: makeAuthority("The door", doorKey, validity).certificate,
};
const webKey = newKey();
export const web = makeAuthority("The web", webKey, validity);

export type Allowed = Extract<EgressVerdict, { allow: true }>;
export type Script = {
  tunnel?: (to: Destination) => TunnelVerdict;
  decide?: (
    request: EgressRequest,
  ) =>
    | Partial<Allowed>
    | Extract<EgressVerdict, { allow: false }>
    | Promise<Partial<Allowed> | Extract<EgressVerdict, { allow: false }>>;
};

/** An egress that allows everything, the private network too, unless the script says otherwise; it notes all it hears. */
export function scripted({ tunnel, decide }: Script = {}) {
  const asked: EgressRequest[] = [];
  const tunnels: Destination[] = [];
  const ended: (EgressEnd & { id: number })[] = [];
  const leaked: string[] = [];
  const refused: { to: Destination | null; why: string; times: number }[] = [];
  let id = 0;
  const egress: SessionEgress = {
    async tunnel(to) {
      tunnels.push(to);
      return tunnel?.(to) ?? { do: "intercept" };
    },
    async decide(request) {
      asked.push(request);
      id += 1;
      const said = (await decide?.(request)) ?? {};
      return said.allow === false
        ? said
        : { allow: true, id, privateNetwork: true, set: {}, query: {}, swap: {}, ...said };
    },
    ended: (id, end) => void ended.push({ id, ...end }),
    leaked: (_id, placeholder) => void leaked.push(placeholder),
    refused: (to, why, times) => void refused.push({ to, why, times }),
  };
  return { egress, asked, tunnels, ended, leaked, refused };
}

export const thisMachine: LookUp = async () => ["127.0.0.1"];

export async function openProxy(
  t: TestContext,
  script: Script = {},
  { limits, lookUp = thisMachine }: { limits?: Partial<NetworkLimits>; lookUp?: LookUp } = {},
) {
  const heard = scripted(script);
  const session = new ProxySession({
    egress: heard.egress,
    leaves: new Leaves(doorAuthority, systemClock),
    trust: tls.createSecureContext({ ca: [web.certificate] }),
    lookUp,
    limits: { ...networkLimits, ...limits },
    clock: systemClock,
  });
  const server = createServer({ noDelay: true }, (socket) => session.accept(socket));
  const port = await listening(t, server);
  t.after(() => session.close());
  return { ...heard, session, port };
}

export async function listening(t: Pick<TestContext, "after">, server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

export type Handler = http.RequestListener;

/** What a server of the web shows for `host`. */
export function certificateOf(host: string): { key: string; cert: string } {
  return { key: pem(webKey), cert: makeServerCertificate(web, host, webKey, validity) };
}

/** A server over TLS, speaking these protocols. */
export async function webServer(
  t: TestContext,
  handler: Handler,
  { host = "api.test", http2: also = false } = {},
): Promise<{ port: number; server: Server }> {
  const options = { ...certificateOf(host), allowHTTP1: true };
  const server = also
    ? http2.createSecureServer(
        options,
        handler as unknown as (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void,
      )
    : (await import("node:https")).createServer(options, handler);
  const port = await listening(t, server);
  t.after(() => "closeAllConnections" in server && (server as http.Server).closeAllConnections());
  return { port, server };
}

/** A client's tunnel, as the proxy answered for it. */
export async function connectTo(
  proxy: number,
  authority: string,
  more = "",
): Promise<{ status: number; socket: Socket; head: string }> {
  const socket = connect({ port: proxy, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${more}\r\n`);
  const head = await readHeadOf(socket);
  return { status: Number(head.split(" ")[1]), socket, head };
}

/** All up to the empty line; what follows stays in the socket. */
export async function readHeadOf(socket: Socket): Promise<string> {
  let got = Buffer.alloc(0);
  for (;;) {
    const end = got.indexOf("\r\n\r\n");
    if (end !== -1) {
      socket.unshift(got.subarray(end + 4));
      return got.toString("latin1", 0, end);
    }
    const chunk: Buffer | null = socket.read();
    if (chunk) got = Buffer.concat([got, chunk]);
    else if (socket.readableEnded || socket.destroyed) return got.toString("latin1");
    else await Promise.race([once(socket, "readable"), once(socket, "close"), once(socket, "end")]);
  }
}

export async function secured(
  socket: Socket,
  host: string,
  {
    protocols = ["http/1.1"],
    servername = host,
    ca = doorAuthority.certificate,
  }: { protocols?: string[]; servername?: string; ca?: string } = {},
): Promise<TLSSocket> {
  const secure = tls.connect({
    socket,
    servername,
    ca,
    ALPNProtocols: protocols,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, certificate),
  });
  secure.on("error", () => {});
  await Promise.race([
    once(secure, "secureConnect"),
    once(secure, "close").then(() => Promise.reject(new Error("the handshake failed"))),
  ]);
  return secure;
}

export interface TestAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  rawHeaders: string[];
  trailers: NodeJS.Dict<string>;
  body: string;
}

export interface Ask extends http.RequestOptions {
  body?: string | Buffer;
  /** The server's port. */
  at: number;
  host?: string;
  /** Whom the client trusts. */
  ca?: string;
}

/** One request over HTTPS through the proxy, on a tunnel of its own. */
export async function ask(proxy: number, { at, host = "api.test", body, ca, ...options }: Ask): Promise<TestAnswer> {
  const tunnel = await connectTo(proxy, `${host}:${at}`);
  if (tunnel.status !== 200) throw new Error(`CONNECT was answered ${tunnel.status}`);
  const secure = await secured(tunnel.socket, host, ca ? { ca } : {});
  const request = http.request({
    ...options,
    createConnection: () => secure,
    setHost: false,
    headers: { Host: `${host}:${at}`, ...(options.headers as object) },
  });
  request.on("error", () => {});
  request.end(body);
  return answerOf(request);
}

export async function answerOf(request: http.ClientRequest): Promise<TestAnswer> {
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const read = await text(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    trailers: response.trailers,
    body: read,
  };
}

/** A plain request in absolute form. */
export function plain(
  proxy: number,
  url: string,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<TestAnswer> {
  const { host } = new URL(url);
  const request = http.request({
    ...options,
    port: proxy,
    host: "127.0.0.1",
    path: url,
    agent: false,
    setHost: false,
    headers: { Host: host, ...(options.headers as object) },
  });
  request.on("error", () => {});
  request.end(options.body);
  return answerOf(request);
}

/** Sends bytes on a connection of their own and resolves to all that came back until it was closed, or `ms` had passed. */
export async function raw(port: number, bytes: string | Buffer, ms = 1_000): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.write(bytes);
  return restOf(socket, ms);
}

export async function restOf(socket: Socket, ms = 1_000): Promise<string> {
  const timer = setTimeout(() => socket.destroy(), ms);
  let got = "";
  socket.on("data", (chunk: Buffer) => {
    got += chunk.toString("latin1");
  });
  socket.once("end", () => socket.end());
  if (!socket.destroyed) await once(socket, "close");
  clearTimeout(timer);
  return got;
}

export const until = async (condition: () => boolean, ms = 20_000): Promise<void> => {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
