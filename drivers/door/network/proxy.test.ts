import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ask, connectTo, listening, openProxy, plain, secured, until, webServer } from "./testing/network.ts";

const echo: http.RequestListener = (request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body,
        version: request.httpVersion,
      }),
    );
  });
};

test("a request over HTTPS is decided, passed on, and told when it is over", async (t) => {
  const proxy = await openProxy(t);
  const { port } = await webServer(t, echo);
  const answer = await ask(proxy.port, {
    at: port,
    method: "POST",
    path: "/a?b=c",
    body: "hello",
    headers: { "X-Own": "1", "content-length": "5" },
  });
  assert.equal(answer.status, 200);
  const seen = JSON.parse(answer.body);
  assert.deepEqual(
    [seen.method, seen.url, seen.body, seen.headers["x-own"], seen.headers.host],
    ["POST", "/a?b=c", "hello", "1", `api.test:${port}`],
  );
  assert.deepEqual(proxy.tunnels, [{ host: "api.test", port }]);
  assert.deepEqual(proxy.asked, [
    { scheme: "https", host: "api.test", port, method: "POST", path: "/a?b=c", upgrade: null, placeholders: [] },
  ]);
  await until(() => proxy.ended.length === 1);
  const [end] = proxy.ended;
  assert.deepEqual(
    [end?.id, end?.status, end?.address, end?.why, end?.requestBytes, end?.responseBytes],
    [1, 200, "127.0.0.1", "", 5, answer.body.length],
  );
});

test("a plain request in absolute form goes the same way", async (t) => {
  const proxy = await openProxy(t);
  const port = await listening(t, http.createServer(echo));
  const answer = await plain(proxy.port, `http://api.test:${port}/x`, {
    headers: { "Proxy-Connection": "keep-alive", "Proxy-Authorization": "Basic eDp5" },
  });
  const seen = JSON.parse(answer.body);
  assert.deepEqual(
    [answer.status, seen.url, seen.headers["proxy-authorization"], seen.headers["proxy-connection"]],
    [200, "/x", undefined, undefined],
  );
  assert.equal(proxy.asked[0]?.scheme, "http");
});

test("HTTP/2 goes to a server that speaks it, and to one that does not", async (t) => {
  for (const also of [true, false]) {
    const proxy = await openProxy(t);
    const { port } = await webServer(t, echo, { http2: also });
    const { socket } = await connectTo(proxy.port, `api.test:${port}`);
    const secure = await secured(socket, "api.test", { protocols: ["h2"] });
    const client = http2.connect(`https://api.test:${port}`, { createConnection: () => secure });
    t.after(() => client.destroy());
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const stream = client.request({
          ":path": `/${index}`,
          ":method": "POST",
          cookie: ["a=1", "b=2"] as unknown as string,
        });
        stream.end(`body ${index}`);
        const [headers] = await once(stream, "response");
        return [headers[":status"], JSON.parse(await text(stream))] as const;
      }),
    );
    for (const [index, [status, seen]] of answers.entries()) {
      assert.deepEqual(
        [status, seen.url, seen.body, seen.version, seen.headers.cookie],
        [200, `/${index}`, `body ${index}`, also ? "2.0" : "1.1", "a=1; b=2"],
      );
    }
    assert.equal(proxy.asked.length, 20);
  }
});

test("connections to a server are kept between requests, also across clients' connections", async (t) => {
  const proxy = await openProxy(t);
  const { port, server } = await webServer(t, echo);
  let connections = 0;
  server.on("secureConnection", () => {
    connections += 1;
  });
  for (let count = 0; count < 5; count += 1) assert.equal((await ask(proxy.port, { at: port })).status, 200);
  assert.equal(connections, 1);
});

test("trailers pass in both directions", async (t) => {
  const proxy = await openProxy(t);
  const { port } = await webServer(t, (request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("part ");
      response.addTrailers({ "x-sum": request.trailers["x-in"] ?? "none" });
      response.end("last");
    });
  });
  const { socket } = await connectTo(proxy.port, `api.test:${port}`);
  const secure = await secured(socket, "api.test");
  const request = http.request({
    method: "POST",
    createConnection: () => secure,
    headers: { Host: `api.test:${port}`, trailer: "x-in" },
    setHost: false,
  });
  request.addTrailers({ "x-in": "abc" });
  request.end("body");
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(await text(response), "part last");
  assert.equal(response.trailers["x-sum"], "abc");
});

test("events of a stream are passed on as they come", async (t) => {
  const proxy = await openProxy(t);
  let send = (_: string) => {};
  const { port } = await webServer(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    send = (event) => void (event ? response.write(event) : response.end());
    response.write("data: 0\n\n");
  });
  const { socket } = await connectTo(proxy.port, `api.test:${port}`);
  const secure = await secured(socket, "api.test");
  const request = http
    .request({ createConnection: () => secure, headers: { Host: `api.test:${port}` }, setHost: false })
    .end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  for (let count = 0; count < 5; count += 1) {
    assert.equal(String((await once(response, "data"))[0]), `data: ${count}\n\n`);
    send(`data: ${count + 1}\n\n`);
  }
  await once(response, "data");
  send("");
  await once(response, "end");
});

test("a client that asks whether to go on is answered when the request is allowed, and not before", async (t) => {
  let allow = (_: boolean) => {};
  const proxy = await openProxy(t, {
    decide: () =>
      new Promise((done) => {
        allow = (yes) => done(yes ? {} : { allow: false, status: 403, message: "No." });
      }),
  });
  const { port } = await webServer(t, echo);
  for (const yes of [true, false]) {
    const { socket } = await connectTo(proxy.port, `api.test:${port}`);
    const secure = await secured(socket, "api.test");
    const request = http.request({
      method: "POST",
      createConnection: () => secure,
      setHost: false,
      headers: { Host: `api.test:${port}`, expect: "100-continue", "content-length": "4" },
    });
    request.flushHeaders();
    let continued = false;
    request.on("continue", () => {
      continued = true;
      request.end("body");
    });
    await until(() => proxy.asked.length === (yes ? 1 : 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(continued, false);
    allow(yes);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const body = await text(response);
    assert.deepEqual([response.statusCode, continued], yes ? [200, true] : [403, false]);
    if (yes) assert.equal(JSON.parse(body).body, "body");
  }
});

test("a WebSocket passes, and is decided as one; what does not change the protocol is answered as it is", async (t) => {
  const proxy = await openProxy(t);
  const { port, server } = await webServer(t, (_, response) => response.writeHead(426).end("not here"));
  server.on("upgrade", (request, socket) => {
    if (request.url !== "/ws") return socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Key: ${request.headers["sec-websocket-key"]}\r\n\r\nearly `,
    );
    socket.on("data", (chunk: Buffer) => socket.write(`heard ${chunk}`));
    socket.on("end", () => socket.end());
  });
  const upgrade = async (path: string) => {
    const { socket } = await connectTo(proxy.port, `api.test:${port}`);
    const secure = await secured(socket, "api.test");
    return http
      .request({
        path,
        createConnection: () => secure,
        setHost: false,
        headers: { Host: `api.test:${port}`, connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "k" },
      })
      .end();
  };
  const [answer, peer, early] = (await once(await upgrade("/ws"), "upgrade")) as [
    http.IncomingMessage,
    import("node:net").Socket,
    Buffer,
  ];
  assert.equal(answer.headers["x-key"], "k");
  let got = early.toString();
  peer.on("data", (chunk) => {
    got += chunk;
  });
  peer.write("you");
  await until(() => got === "early heard you");
  assert.equal(proxy.asked[0]?.upgrade, "websocket");
  peer.end();
  await until(() => proxy.ended.length === 1);
  assert.deepEqual([proxy.ended[0]?.status, proxy.ended[0]?.requestBytes, proxy.ended[0]?.responseBytes], [101, 3, 15]);
  const [other] = (await once(await upgrade("/other"), "response")) as [http.IncomingMessage];
  assert.deepEqual([other.statusCode, await text(other)], [404, "none"]);
});

test("large bodies pass both ways without being held", async (t) => {
  const proxy = await openProxy(t);
  const SIZE = 60_000_000;
  const chunk = Buffer.alloc(65_536, "x");
  const { port } = await webServer(t, (request, response) => {
    let bytes = 0;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    request.on("end", () => {
      response.writeHead(200, { "x-got": String(bytes), "content-length": SIZE });
      const more = () => {
        while (sent < SIZE) {
          const part = chunk.subarray(0, Math.min(chunk.length, SIZE - sent));
          sent += part.length;
          if (!response.write(part)) return void response.once("drain", more);
        }
        response.end();
      };
      let sent = 0;
      more();
    });
  });
  const { socket } = await connectTo(proxy.port, `api.test:${port}`);
  const secure = await secured(socket, "api.test");
  const request = http.request({
    method: "PUT",
    createConnection: () => secure,
    setHost: false,
    headers: { Host: `api.test:${port}`, "content-length": SIZE },
  });
  const before = process.memoryUsage().rss;
  let sent = 0;
  const more = () => {
    while (sent < SIZE) {
      const part = chunk.subarray(0, Math.min(chunk.length, SIZE - sent));
      sent += part.length;
      if (!request.write(part)) return void request.once("drain", more);
    }
    request.end();
  };
  more();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(response.headers["x-got"], String(SIZE));
  let got = 0;
  for await (const part of response) got += part.length;
  assert.equal(got, SIZE);
  const grown = (process.memoryUsage().rss - before) / 1e6;
  assert.ok(grown < 150, `${grown} MB`);
});

test("a client that does not read is not read ahead for", async (t) => {
  const proxy = await openProxy(t);
  let written = 0;
  const { port } = await webServer(t, (_, response) => {
    const more = () => {
      for (;;) {
        written += 65_536;
        if (response.destroyed || !response.write(Buffer.alloc(65_536))) return void response.once("drain", more);
      }
    };
    more();
  });
  const { socket } = await connectTo(proxy.port, `api.test:${port}`);
  const secure = await secured(socket, "api.test");
  secure.write(`GET / HTTP/1.1\r\nHost: api.test:${port}\r\n\r\n`);
  let early = -1;
  while (early !== written) {
    early = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(early < 20_000_000, `${early} bytes`);
  secure.destroy();
  await until(() => proxy.ended.length === 1);
  assert.equal(proxy.ended[0]?.status, 499);
});

test("a tunnel that may pass unread carries bytes, half-closed ends too", async (t) => {
  const proxy = await openProxy(t, { tunnel: () => ({ do: "pass", id: 7, privateNetwork: true }) });
  const { createServer } = await import("node:net");
  const server = createServer({ allowHalfOpen: true }, async (peer) => peer.end(`heard ${await text(peer)}`));
  const port = await listening(t, server);
  const { socket, status } = await connectTo(proxy.port, `api.test:${port}`);
  assert.equal(status, 200);
  socket.end("all of it");
  assert.equal(await text(socket), "heard all of it");
  await until(() => proxy.ended.length === 1);
  assert.deepEqual(
    [proxy.ended[0]?.id, proxy.ended[0]?.requestBytes, proxy.ended[0]?.responseBytes, proxy.asked.length],
    [7, 9, 15, 0],
  );
});

test("a refusal tells why, in HTTP/1.1, in HTTP/2, and for a tunnel", async (t) => {
  const proxy = await openProxy(t, {
    tunnel: ({ host }) =>
      host === "no.test" ? { do: "refuse", status: 403, message: "Not there." } : { do: "intercept" },
    decide: () => ({ allow: false, status: 429, message: "Not now." }),
  });
  const tunnel = await connectTo(proxy.port, "no.test:443");
  assert.equal(tunnel.status, 403);
  assert.match(tunnel.head, /x-nanoclaw: refused/);
  assert.deepEqual(JSON.parse(await text(tunnel.socket)), { error: { type: "refused", message: "Not there." } });
  const answer = await ask(proxy.port, { at: 443, method: "POST", body: "x".repeat(1_000_000) });
  assert.deepEqual(
    [answer.status, answer.headers["x-nanoclaw"], JSON.parse(answer.body).error.message],
    [429, "refused", "Not now."],
  );
  const { socket } = await connectTo(proxy.port, "api.test:443");
  const secure = await secured(socket, "api.test", { protocols: ["h2"] });
  const client = http2.connect("https://api.test", { createConnection: () => secure });
  t.after(() => client.destroy());
  const stream = client.request({ ":path": "/" });
  const [headers] = await once(stream, "response");
  assert.deepEqual(
    [headers[":status"], headers["x-nanoclaw"], JSON.parse(await text(stream)).error.message],
    [429, "refused", "Not now."],
  );
  assert.equal(proxy.ended.length, 0);
});

test("what goes wrong on the way is told: nobody there, an unknown certificate, a name that is not known, one that is cut off", async (t) => {
  const proxy = await openProxy(
    t,
    {},
    {
      lookUp: async (name) =>
        name === "gone.test" ? Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })) : ["127.0.0.1"],
    },
  );
  const { port } = await webServer(
    t,
    (request, response) => (request.url === "/cut" ? response.destroy() : response.end("x")),
    { host: "other.test" },
  );
  const closed = await listening(t, http.createServer()).then((at) => at);
  const said = async (at: number, host: string, path = "/") => {
    const answer = await ask(proxy.port, { at, host, path });
    return `${answer.status} ${answer.headers["x-nanoclaw"]} ${JSON.parse(answer.body).error.message}`;
  };
  assert.match(await said(1, "api.test"), /^502 failed .*nothing listens there/);
  assert.match(await said(port, "api.test"), /^502 failed .*certificate is not trusted/);
  assert.match(await said(443, "gone.test"), /^502 failed .*name is not known/);
  assert.match(await said(port, "other.test", "/cut"), /^502 failed .*cut/);
  assert.match(await said(closed, "api.test"), /^502 failed/);
});
