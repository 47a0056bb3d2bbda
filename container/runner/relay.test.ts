import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { connect, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startProxyRelay, startRelay } from "./relay.ts";

let folder = "";
let gateway: Server;
const socket = () => join(folder, "session.sock");

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "relay-"));
  gateway = createServer((asked, answer) => {
    if (asked.url === "/broken") return void asked.socket.destroy();
    if (asked.url === "/slow") {
      answer.write("first ");
      return void setTimeout(() => answer.end("last"), 100);
    }
    asked.pipe(answer);
  });
  await new Promise<void>((resolve) => gateway.listen(socket(), resolve));
});
after(() => {
  gateway.close();
  gateway.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const post = (url: string, body: string) => fetch(url, { method: "POST", body }).then((answer) => answer.text());

describe("the relay", () => {
  it("carries requests and answers of any size", async () => {
    const relay = await startRelay(socket());
    const long = "x".repeat(3_000_000);
    assert.equal(await post(`${relay.url}/echo`, long), long);
    relay.close();
  });

  it("passes a stream on as it comes", async () => {
    const relay = await startRelay(socket());
    const answer = await fetch(`${relay.url}/slow`);
    const parts: string[] = [];
    for await (const part of answer.body ?? []) parts.push(Buffer.from(part).toString());
    assert.deepEqual(parts, ["first ", "last"]);
    relay.close();
  });

  it("closes the connection when the other side breaks off, or isn't there", async () => {
    const relay = await startRelay(socket());
    await assert.rejects(post(`${relay.url}/broken`, ""));
    relay.close();
    const lonely = await startRelay(join(folder, "none.sock"));
    await assert.rejects(post(lonely.url, ""));
    lonely.close();
  });

  it("lets one side finish speaking while the other still answers", async () => {
    const path = join(folder, "half.sock");
    const server = createSocketServer({ allowHalfOpen: true }, (peer) => {
      let heard = "";
      peer.on("data", (bytes) => {
        heard += bytes;
      });
      peer.on("end", () => peer.end(`heard ${heard}`));
    }).listen(path);
    const relay = await startRelay(path);
    const client = connect({ port: Number(new URL(relay.url).port), host: "127.0.0.1", allowHalfOpen: true });
    client.end("all");
    const answer: Buffer[] = [];
    for await (const part of client) answer.push(part);
    assert.equal(Buffer.concat(answer).toString(), "heard all");
    relay.close();
    server.close();
  });

  it("refuses more connections than it may have, in words, and takes new ones when old ones end", async () => {
    const relay = await startRelay(socket(), 2);
    const port = Number(new URL(relay.url).port);
    const held = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await Promise.all(held.map((each) => new Promise((resolve) => each.once("connect", resolve))));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = await fetch(relay.url, { method: "POST", body: "x" });
    assert.equal(refused.status, 429);
    assert.match(await refused.text(), /too many connections/i);
    const leftOpen = connect(port, "127.0.0.1").resume();
    await new Promise((resolve) => leftOpen.once("close", resolve));
    for (const each of held) each.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await post(relay.url, "x"), "x");
    relay.close();
  });

  it("carries an upgraded connection", async () => {
    const path = join(folder, "upgrade.sock");
    const server = createServer().listen(path);
    server.on("upgrade", (_, peer) => {
      peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
      peer.on("data", (bytes: Buffer) => peer.write(bytes));
    });
    const relay = await startRelay(path);
    const asked = request(relay.url, { headers: { connection: "Upgrade", upgrade: "test" } }).end();
    const echoed = await new Promise<string>((resolve) =>
      asked.on("upgrade", (_, peer) => {
        peer.on("data", (bytes: Buffer) => resolve(bytes.toString()));
        peer.write("ping");
      }),
    );
    assert.equal(echoed, "ping");
    asked.destroy();
    relay.close();
    server.close();
    server.closeAllConnections();
  });

  it("asks for a way to the network before a client's first byte, and passes a refusal on", async () => {
    const path = join(folder, "proxy.sock");
    const answers = ["HTTP/1.1 101 Switching Protocols\r\n\r\nfirst ", "HTTP/1.1 503 Refused\r\n\r\nno", ""];
    const asked: string[] = [];
    const server = createSocketServer((peer) => {
      peer.once("data", (head: Buffer) => {
        asked.push(String(head).split("\r\n")[0] ?? "");
        peer.write(answers[asked.length - 1] ?? "");
        if (asked.length > 1) peer.end();
        else peer.on("data", (bytes) => peer.end(`heard ${bytes}`));
      });
    }).listen(path);
    const relay = await startProxyRelay(path, 0);
    const said: string[] = [];
    for (const _ of answers) {
      const client = connect({ port: Number(new URL(relay.url).port), host: "127.0.0.1" });
      client.on("error", () => {});
      client.write("hello");
      const parts: Buffer[] = [];
      client.on("data", (part: Buffer) => parts.push(part));
      await new Promise((resolve) => client.once("close", resolve));
      said.push(Buffer.concat(parts).toString());
    }
    assert.deepEqual(said, ["first heard hello", "HTTP/1.1 503 Refused\r\n\r\nno", ""]);
    assert.deepEqual(new Set(asked), new Set(["GET /nanoclaw/proxy HTTP/1.1"]));
    relay.close();
    server.close();
  });
});
