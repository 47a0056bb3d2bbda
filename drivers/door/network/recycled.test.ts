import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { connectTo, listening, openProxy, until } from "./testing/network.ts";

const passing = (t: TestContext, more: Parameters<typeof openProxy>[2] = {}) =>
  openProxy(t, { tunnel: () => ({ do: "pass", id: 7, privateNetwork: true }) }, more);

test("what a server sends through a tunnel comes whole and in order, however slowly it is taken", async (t) => {
  const proxy = await passing(t);
  const sent = createHash("sha256");
  const pieces = 400;
  const server = createServer((peer) => {
    let piece = 0;
    const more = (): void => {
      while (piece < pieces) {
        // No two alike, and of odd lengths.
        const bytes = Buffer.alloc(50_021 + piece, `piece ${piece} `);
        piece += 1;
        sent.update(bytes);
        if (!peer.write(bytes)) return void peer.once("drain", more);
      }
      peer.end();
    };
    more();
  });
  const { socket } = await connectTo(proxy.port, `api.test:${await listening(t, server)}`);
  const got = createHash("sha256");
  let [bytes, waits] = [0, 0];
  for await (const chunk of socket) {
    got.update(chunk);
    bytes += chunk.length;
    // Long enough for all buffers on the way to be full.
    if (bytes > (waits + 1) * 4_000_000) {
      waits += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  assert.ok(waits > 3);
  assert.equal(got.digest("hex"), sent.digest("hex"));
  socket.end();
  await until(() => proxy.ended.length === 1);
  assert.equal(proxy.ended[0]?.responseBytes, bytes);
});

test("a server that speaks first is heard, also where the first of its addresses is silent", async (t) => {
  const port = await listening(
    t,
    createServer((peer) => peer.end("hello, who is there?")),
  );
  const proxy = await passing(t, { lookUp: async () => ["127.0.0.9", "127.0.0.1"] });
  const { socket, status } = await connectTo(proxy.port, `api.test:${port}`);
  assert.equal(status, 200);
  assert.equal(await text(socket), "hello, who is there?");
});

test("a tunnel whose client goes away in the middle lets its server go", async (t) => {
  const proxy = await passing(t);
  let gone = false;
  const server = createServer((peer) => {
    peer
      .on("error", () => {})
      .on("close", () => {
        gone = true;
      });
    const more = (): void => {
      while (peer.writable && peer.write(Buffer.alloc(65_536)));
      peer.once("drain", more);
    };
    more();
  });
  const { socket } = await connectTo(proxy.port, `api.test:${await listening(t, server)}`);
  await once(socket, "readable");
  socket.destroy();
  await until(() => gone && proxy.ended.length === 1);
});
