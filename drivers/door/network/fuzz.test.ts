/**
 * What the proxy reads of a client, fuzzed by seed from a kept corpus. Whatever comes: nothing throws, and the server sees
 * exactly the requests that were decided, in number, method and path. A failing input belongs into corpus/.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { listening, openProxy, raw } from "./testing/network.ts";

const CORPUS = join(import.meta.dirname, "corpus");
/** Longest that it goes on, milliseconds. */
const TIME = 8_000;
const AT_ONCE = 8;
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "0",
  "-1",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: other.test\r\n",
  "\0",
  "\r\n\r\n",
  "GET / HTTP/1.1\r\n",
  "%2e%2e/",
  "#",
  "\x80",
  "HTTP/2.0",
];

/** mulberry32 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutated(text: string, random: (below: number) => number): string {
  let bytes = text;
  for (let count = random(4); count > 0; count -= 1) {
    const at = random(bytes.length + 1);
    const kind = random(4);
    const piece = PIECES[random(PIECES.length)] ?? "";
    if (kind === 0) bytes = bytes.slice(0, at) + piece + bytes.slice(at);
    else if (kind === 1) bytes = bytes.slice(0, at) + bytes.slice(at + 1 + random(8));
    else if (kind === 2) bytes = bytes.slice(0, at) + piece + bytes.slice(at + piece.length);
    else bytes = bytes.slice(0, at) + bytes.slice(random(at + 1));
  }
  return bytes;
}

test("the server sees what was decided and nothing else, whatever a client sends", async (t) => {
  const limits = { requests: { rate: 1e6, burst: 1e6 }, connections: 1_000, concurrent: 1_000 };
  const proxy = await openProxy(t, {}, { limits });
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => response.end("ok"));
  });
  server.on("checkContinue", (request, response) => server.emit("request", request, response));
  server.on("upgrade", (request, socket) => {
    seen.push(`${request.method} ${request.url}`);
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  });
  const port = await listening(t, server);
  const corpus = readdirSync(CORPUS).map((name) =>
    readFileSync(join(CORPUS, name), "latin1").replaceAll("HOST", `api.test:${port}`),
  );
  const seed = Number(process.env.FUZZ_SEED ?? 1);
  const end = Date.now() + TIME;
  let tried = 0;
  for (let round = 0; Date.now() < end; round += 1) {
    const inputs = Array.from({ length: AT_ONCE }, (_, index) => {
      const random = randomFrom(seed * 1_000_000 + round * AT_ONCE + index);
      const text = corpus[(round * AT_ONCE + index) % corpus.length] ?? "";
      return round * AT_ONCE < corpus.length ? text : mutated(text, random);
    });
    await Promise.all(inputs.map((input) => raw(proxy.port, Buffer.from(input, "latin1"), 150)));
    tried += inputs.length;
    const decided = proxy.asked
      .filter((asked) => asked.port === port && asked.scheme === "http")
      .map(({ method, path }) => `${method} ${path}`);
    for (const request of seen) {
      const at = decided.indexOf(request);
      assert.notEqual(at, -1, `the server saw ${request}, which nobody decided; inputs: ${JSON.stringify(inputs)}`);
      decided.splice(at, 1);
    }
  }
  assert.ok(seen.length > 0 && proxy.refused.length > 0);
  t.diagnostic(`${tried} inputs, ${seen.length} requests reached the server, seed ${seed}`);
});
