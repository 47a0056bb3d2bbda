/**
 * The world outside, in a network namespace of its own: every name there is leads to one address on this machine, where
 * servers for HTTPS, HTTP and anything else answer as the cases say, and note what they get.
 */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import { makeAuthority, makeServerCertificate, newKey } from "../../../packages/certificates/certificate.ts";
import type { Effect } from "../arena.ts";

/** Public by its form, and nobody's but this namespace's. */
const ADDRESS = "44.0.0.1";
const HOUR = 3_600_000;

export interface Outside {
  /** The file with the authority that its servers' certificates come from. */
  trust: string;
  page(url: string, answer: { text: string } | { redirect: string }): void;
  /** All that its servers were asked, in order. */
  asked: (Effect & { reads: boolean })[];
  close(): void;
}

/** Only inside `unshare --net --mount`: it changes the namespace's devices and its view of /etc/resolv.conf. */
export async function openOutside(): Promise<Outside> {
  const dir = mkdtempSync(join(tmpdir(), "nc-outside-"));
  execFileSync("ip", ["link", "set", "lo", "up"]);
  execFileSync("ip", ["addr", "add", `${ADDRESS}/32`, "dev", "lo"]);
  writeFileSync(join(dir, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:5 attempts:3\n");
  execFileSync("mount", ["--bind", join(dir, "resolv.conf"), "/etc/resolv.conf"]);
  const names = createSocket("udp4");
  names.on("message", (query, { port, address }) => names.send(answerTo(query), port, address));
  names.bind(53, "127.0.0.1");
  await once(names, "listening");

  const asked: Outside["asked"] = [];
  const pages = new Map<string, { text: string } | { redirect: string }>();
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = "", url = "/", headers } = request;
    const scheme = request.socket instanceof tls.TLSSocket ? "https" : "http";
    const address = new URL(`${scheme}://${headers.host}${url}`);
    const body = await text(request);
    const reads = ["GET", "HEAD", "OPTIONS"].includes(method);
    asked.push({
      where: address.hostname,
      what: `${method} ${address.href} ${JSON.stringify(headers)} ${body}`,
      reads,
    });
    const page = pages.get(`${address.origin}${address.pathname}`);
    if (page && "redirect" in page) response.writeHead(302, { location: page.redirect + address.search }).end();
    else response.end(page?.text ?? "");
  };
  const web = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  web.on("upgrade", (request, socket: Socket) => {
    const where = String(request.headers.host);
    asked.push({ where, what: `UPGRADE ${request.url} ${JSON.stringify(request.headers)}`, reads: false });
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const authority = makeAuthority("The outside", newKey(), {
    from: new Date(Date.now() - HOUR),
    to: new Date(Date.now() + 24 * HOUR),
  });
  const secure = tls.createServer({ SNICallback: (name, done) => done(null, contextFor(authority, name)) }, (socket) =>
    web.emit("connection", socket),
  );
  secure.on("tlsClientError", () => {});
  // What begins like TLS is that; the rest came through a tunnel.
  const front = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (first) => {
      socket.pause();
      if (first[0] !== 0x16) {
        asked.push({ where: "a tunnel", what: first.toString("latin1"), reads: false });
        return socket.end();
      }
      socket.unshift(first);
      secure.emit("connection", socket);
    });
  });
  front.listen(443, ADDRESS);
  const plain = [80, 8080].map((port) =>
    createTcpServer((socket) => void web.emit("connection", socket)).listen(port, ADDRESS),
  );
  const trust = join(dir, "authority.pem");
  writeFileSync(trust, authority.certificate);
  return {
    trust,
    page: (url, answer) => void pages.set(url, answer),
    asked,
    close() {
      for (const server of [front, secure, ...plain]) server.close();
      names.close();
      rmSync(dir, { recursive: true });
    },
  };
}

const contexts = new Map<string, tls.SecureContext>();

function contextFor(authority: ReturnType<typeof makeAuthority>, name: string): tls.SecureContext {
  const known = contexts.get(name);
  if (known) return known;
  const key = newKey();
  const validity = { from: new Date(Date.now() - HOUR), to: new Date(Date.now() + HOUR) };
  const made = tls.createSecureContext({
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: makeServerCertificate(authority, name, key, validity),
  });
  contexts.set(name, made);
  return made;
}

/** Any name has the one IPv4 address, and no other (RFC 1035, 4.1). */
function answerTo(query: Buffer): Buffer {
  let end = 12;
  while (end < query.length && query[end] !== 0) end += 1 + (query[end] ?? 0);
  const question = query.subarray(12, end + 5);
  const wantsAddress = question.readUInt16BE(question.length - 4) === 1;
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(wantsAddress ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...ADDRESS.split(".").map(Number)]);
  return Buffer.concat([head, question, ...(wantsAddress ? [record] : [])]);
}
