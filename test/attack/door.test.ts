/** Attacks on the way to the network, from a client that sends what it likes: what must not pass does not pass. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  ask,
  connectTo,
  listening,
  openProxy,
  plain,
  raw,
  restOf,
  secured,
  until,
  webServer,
} from "../../drivers/door/network/testing/network.ts";

const PLACEHOLDER = `ncph_${"a".repeat(26)}`;

/** A server that notes the first lines of all that reaches it. */
async function noting(t: import("node:test").TestContext) {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${request.headers.host} ${body}`);
      response.end("ok");
    });
  });
  return { port: await listening(t, server), seen };
}

const smuggled: Record<string, (host: string) => string> = {
  "two lengths": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nbody`,
  "the same length twice": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody`,
  "a list of lengths": (host) => `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4, 4\r\n\r\nbody`,
  "a length with a sign": (host) => `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: +4\r\n\r\nbody`,
  "a length and chunks": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "chunks twice": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "another encoding": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  "an encoding that only looks like chunked": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  "chunks in HTTP/1.0": (host) =>
    `POST http://${host}/ HTTP/1.0\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "a folded header": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: b\r\n c\r\n\r\n`,
  "a bare line feed": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: b\nX-C: d\r\n\r\n`,
  "a bare carriage return": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: b\rX-C: d\r\n\r\n`,
  "a space before the colon": (host) => `GET http://${host}/ HTTP/1.1\r\nHost : ${host}\r\n\r\n`,
  "a zero byte": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: b\0c\r\n\r\n`,
  "two hosts": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nHost: other.test\r\n\r\n`,
  "no host": (host) => `GET http://${host}/ HTTP/1.1\r\n\r\n`,
  "a host that is not the target's": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: other.test\r\n\r\n`,
  "a user in the target": (host) => `GET http://other.test@${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "an origin-form target": (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "https in absolute form": (host) => `GET https://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "another scheme": (host) => `GET ftp://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "HTTP/0.9": (host) => `GET http://${host}/\r\n\r\n`,
  "HTTP/2 in the request line": (host) => `GET http://${host}/ HTTP/2.0\r\nHost: ${host}\r\n\r\n`,
  "the preface of HTTP/2": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  TRACE: (host) => `TRACE http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "a method of its own": (host) => `STEAL http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "a fragment in the path": (host) => `GET http://${host}/a#b HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "dot segments": (host) => `GET http://${host}/open/../closed HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "encoded dot segments": (host) => `GET http://${host}/open/%2e%2E%2fclosed HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "dot segments with backslashes": (host) => `GET http://${host}/open\\..\\closed HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  "Connection that takes the length away": (host) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\nbody`,
  "headers without end": (host) =>
    `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: ${"a".repeat(40_000)}\r\n\r\n`,
  "too many headers": (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${"X-A: b\r\n".repeat(200)}\r\n`,
};
for (const [name, bytes] of Object.entries(smuggled)) {
  test(`refused: ${name}`, async (t) => {
    const proxy = await openProxy(t);
    const { port, seen } = await noting(t);
    const answer = await raw(proxy.port, bytes(`api.test:${port}`), 2_000);
    assert.match(answer, /^HTTP\/1.1 (4\d\d|50[15]) /);
    assert.match(answer, /x-nanoclaw: refused/i);
    assert.deepEqual([seen, proxy.asked], [[], []]);
    await until(() => proxy.refused.length > 0);
  });
}

test("a second request behind the first is its own request, decided by itself", async (t) => {
  const proxy = await openProxy(t, {
    decide: ({ path }) => (path === "/closed" ? { allow: false, status: 403, message: "No." } : {}),
  });
  const { port, seen } = await noting(t);
  const host = `api.test:${port}`;
  const answer = await raw(
    proxy.port,
    `POST http://${host}/open HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\n\r\nbodyGET http://${host}/closed HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    2_000,
  );
  assert.deepEqual(seen, [`POST /open ${host} body`]);
  assert.deepEqual(
    proxy.asked.map(({ path }) => path),
    ["/open", "/closed"],
  );
  assert.match(answer, /HTTP\/1.1 200 [\s\S]*HTTP\/1.1 403 /);
});

test("a body's bytes are never read as a request, whatever the method", async (t) => {
  const proxy = await openProxy(t);
  const { port, seen } = await noting(t);
  const host = `api.test:${port}`;
  const hidden = `GET /hidden HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  for (const method of ["GET", "DELETE", "OPTIONS", "POST"]) {
    const chunked = `${method} http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
    assert.match(await raw(proxy.port, chunked, 2_000), /^HTTP\/1.1 200 /);
  }
  assert.deepEqual(
    seen,
    ["GET", "DELETE", "OPTIONS", "POST"].map((method) => `${method} / ${host} ${hidden}`),
  );
});

test("headers of one connection only are taken off, those that Connection names too", async (t) => {
  const proxy = await openProxy(t);
  const port = await listening(
    t,
    http.createServer((request, response) => response.end(JSON.stringify(request.headers))),
  );
  const url = `http://api.test:${port}/`;
  const headers = {
    connection: "x-secret, keep-alive",
    "x-secret": "1",
    "keep-alive": "timeout=5",
    te: "gzip",
    upgrade: "h2c",
    "http2-settings": "AAMAAABkAAQAAP__",
    "proxy-authorization": "Basic eDp5",
  };
  const seen = JSON.parse((await plain(proxy.port, url, { headers })).body);
  assert.deepEqual(Object.keys(seen).sort(), ["connection", "host"]);
});

const notHosts = [
  "2130706433:443",
  "0x7f000001:443",
  "0177.0.0.1:443",
  "127.1:443",
  "0x7f.1:443",
  "[::1%25lo]:443",
  "localhost",
  "user@api.test:443",
  "api.test:0",
  "api.test:99999",
  "[::ffff:127.0.0.1:443",
  "api..test:443",
  "/:443",
  "http://api.test:443",
  "*:443",
];
test(`no tunnel to ${notHosts.join(" ")}`, async (t) => {
  const proxy = await openProxy(t);
  for (const authority of notHosts) {
    const answer = await raw(proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 2_000);
    assert.match(answer, /^HTTP\/1.1 400 /, authority);
  }
  assert.deepEqual(proxy.tunnels, []);
});

const privateAddresses = [
  "127.0.0.1",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.0.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "198.18.0.1",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "[fd00::1]",
  "[fe80::1]",
  "[fd00:ec2::254]",
];
test("no connection to an address that is not of the public internet, in a tunnel, in one that passes, or without one", async (t) => {
  let connections = 0;
  const port = await listening(
    t,
    createServer((socket) => {
      connections += 1;
      socket.destroy();
    }),
  );
  const intercepted = await openProxy(t, { decide: () => ({ privateNetwork: false }) });
  const passed = await openProxy(t, { tunnel: () => ({ do: "pass", id: 1, privateNetwork: false }) });
  for (const address of privateAddresses) {
    const answer = await plain(intercepted.port, `http://${address}:${port}/`);
    assert.equal(answer.status, 403, address);
    assert.match(answer.body, /not of the public internet/);
    assert.equal((await connectTo(passed.port, `${address}:${port}`)).status, 403, address);
  }
  assert.equal(connections, 0);
});

test("a name that leads to a private address is refused; one that changes its mind gains nothing", async (t) => {
  let connections = 0;
  const port = await listening(
    t,
    createServer((socket) => {
      connections += 1;
      socket.destroy();
    }),
  );
  const answers = [
    ["10.0.0.1"],
    ["127.0.0.1", "::1"],
    ["::ffff:127.0.0.1"],
    ["192.88.99.1", "127.0.0.1"],
    ["not an address"],
  ];
  let lookUps = 0;
  const proxy = await openProxy(
    t,
    { decide: () => ({ privateNetwork: false }) },
    {
      lookUp: async () => {
        lookUps += 1;
        return answers[lookUps - 1] ?? ["127.0.0.1"];
      },
    },
  );
  for (const [index] of answers.entries()) {
    const answer = await plain(proxy.port, `http://rebinding.test:${port}/`);
    assert.equal(answer.status, 403);
    // Looked up once for a request: what was checked is what a connection would go to.
    assert.equal(lookUps, index + 1);
  }
  // One address in public, another one not: only the first may be tried, and it does not answer here.
  const mixed = await openProxy(
    t,
    { decide: () => ({ privateNetwork: false }) },
    {
      lookUp: async () => ["127.0.0.1", "203.1.113.1"],
      limits: { patience: { connect: 500, firstByte: 500, idle: 500 } },
    },
  );
  assert.match((await plain(mixed.port, `http://mixed.test:${port}/`)).body, /could not get an answer/);
  assert.equal(connections, 0);
});

test("a redirect to a private address is not followed, and refused when the client follows it", async (t) => {
  const inner = await noting(t);
  const proxy = await openProxy(t, { decide: ({ host }) => ({ privateNetwork: host === "api.test" }) });
  const { port } = await webServer(t, (_, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/secret` }).end(),
  );
  const answer = await ask(proxy.port, { at: port });
  assert.equal(answer.status, 302);
  assert.equal((await plain(proxy.port, answer.headers.location ?? "")).status, 403);
  assert.deepEqual(inner.seen, []);
});

test("the name in TLS, the tunnel's and the Host header are one, or nothing passes", async (t) => {
  const proxy = await openProxy(t);
  const { port } = await webServer(t, (_, response) => response.end("ok"));
  const tunnel = await connectTo(proxy.port, `api.test:${port}`);
  const fronted = await secured(tunnel.socket, "api.test", { servername: "front.test" });
  fronted.write(`GET / HTTP/1.1\r\nHost: api.test:${port}\r\n\r\n`);
  assert.equal(await restOf(fronted), "");
  await until(() => proxy.refused.some(({ why }) => /server name of its TLS/.test(why)));
  for (const host of ["other.test", `other.test:${port}`, "api.test:1", "127.0.0.1"]) {
    assert.equal((await ask(proxy.port, { at: port, headers: { Host: host } })).status, 421, host);
  }
  const { socket } = await connectTo(proxy.port, `api.test:${port}`);
  const secure = await secured(socket, "api.test", { protocols: ["h2"] });
  const client = http2.connect(`https://api.test:${port}`, { createConnection: () => secure });
  t.after(() => client.destroy());
  for (const headers of [{ ":authority": "other.test" }, { ":authority": `api.test:${port}`, host: "other.test" }]) {
    const stream = client.request({ ":path": "/", ...headers });
    assert.equal((await once(stream, "response"))[0][":status"], 421);
    stream.resume();
  }
  assert.deepEqual(proxy.asked, []);
});

test("inside a tunnel there is no other tunnel, and no absolute form", async (t) => {
  const proxy = await openProxy(t);
  const { port } = await webServer(t, (_, response) => response.end("ok"));
  const host = `api.test:${port}`;
  for (const line of [
    `CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443`,
    `GET http://other.test/ HTTP/1.1\r\nHost: other.test`,
    `GET https://${host}/ HTTP/1.1\r\nHost: ${host}`,
  ]) {
    const { socket } = await connectTo(proxy.port, host);
    const secure = await secured(socket, "api.test");
    secure.write(`${line}\r\n\r\n`);
    assert.match(await restOf(secure), /^HTTP\/1.1 4\d\d /);
  }
  assert.deepEqual(proxy.asked, []);
});

test("a placeholder that the verdict does not cover never leaves: in a header, the path, Basic credentials, a body in pieces", async (t) => {
  const proxy = await openProxy(t);
  const seen: string[] = [];
  const { port } = await webServer(t, (request, response) => {
    seen.push(request.url ?? "");
    request.on("data", (chunk) => seen.push(String(chunk)));
    request.on("end", () => response.end("ok"));
  });
  const basic = Buffer.from(`user:${PLACEHOLDER}`).toString("base64");
  for (const options of [
    { headers: { authorization: `Bearer ${PLACEHOLDER}` } },
    { headers: { authorization: `Basic ${basic}` } },
    { path: `/?key=${PLACEHOLDER}` },
    { path: `/?key=%6e${PLACEHOLDER.slice(1)}` },
    { headers: { [PLACEHOLDER]: "x" } },
  ]) {
    const answer = await ask(proxy.port, { at: port, ...options });
    assert.equal(answer.status, 403);
    assert.match(answer.body, /placeholder/);
  }
  assert.ok(proxy.asked.every(({ placeholders }) => placeholders[0] === PLACEHOLDER));
  assert.deepEqual(seen, []);
  for (const cut of [1, 5, 17, 30]) {
    const { socket } = await connectTo(proxy.port, `api.test:${port}`);
    const secure = await secured(socket, "api.test");
    const request = http.request({
      method: "POST",
      createConnection: () => secure,
      setHost: false,
      headers: { Host: `api.test:${port}` },
    });
    request.write(`before ${PLACEHOLDER.slice(0, cut)}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    request.end(`${PLACEHOLDER.slice(cut)} after`);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    assert.equal(response.statusCode, 403);
    response.resume();
  }
  assert.deepEqual(
    proxy.leaked,
    Array.from({ length: 4 }, () => PLACEHOLDER),
  );
  assert.ok(!seen.join("").includes(PLACEHOLDER));
});

test("credentials are put in where the verdict says, replace the client's own, and do not come back", async (t) => {
  const secret = "the-real-secret-of-the-owner";
  const proxy = await openProxy(t, {
    decide: () => ({
      set: { authorization: `Bearer ${secret}` },
      query: { key: "query-secret" },
      swap: { [PLACEHOLDER]: "swapped secret" },
    }),
  });
  const { port } = await webServer(t, (request, response) => {
    response.setHeader("x-echo", [String(request.headers.authorization), String(request.headers["x-own"])]);
    const said = JSON.stringify([request.url, request.headers]);
    response.write(said.slice(0, said.indexOf(secret) + 7));
    setTimeout(() => response.end(said.slice(said.indexOf(secret) + 7)), 30);
  });
  const basic = Buffer.from(`me:${PLACEHOLDER}`).toString("base64");
  const answer = await ask(proxy.port, {
    at: port,
    path: `/${PLACEHOLDER}?key=mine&a=b`,
    headers: {
      Authorization: "Bearer mine",
      "X-Own": `Basic ${basic}`,
      "x-two": PLACEHOLDER,
      "accept-encoding": "gzip",
    },
  });
  const [url, headers] = JSON.parse(answer.body);
  assert.equal(url, `/${"x".repeat(16)}?a=b&key=${"x".repeat(12)}`);
  assert.deepEqual(
    [headers.authorization, headers["x-two"], headers["accept-encoding"]],
    ["x".repeat(`Bearer ${secret}`.length), "x".repeat(14), "identity"],
  );
  for (const kept of [
    secret,
    "query-secret",
    "swapped secret",
    "swapped%20secret",
    Buffer.from("me:swapped secret").toString("base64"),
    "mine",
  ]) {
    assert.ok(!(answer.body + JSON.stringify(answer.rawHeaders)).includes(kept), kept);
  }
});

test("an answer that splits, lies about its length, or says more than was asked for does not reach the client as such", async (t) => {
  const answers: Record<string, string> = {
    "/two": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "/both": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "/lf": "HTTP/1.1 200 OK\r\nX-A: b\nX-Injected: c\r\nContent-Length: 0\r\n\r\n",
    "/fold": "HTTP/1.1 200 OK\r\nX-A: b\r\n X-Injected: c\r\nContent-Length: 0\r\n\r\n",
    "/zero": "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "/large": `HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(100_000)}\r\n\r\n`,
    "/junk": "SSH-2.0-OpenSSH\r\n",
    "/switch": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  };
  const proxy = await openProxy(t);
  const port = await listening(
    t,
    createServer((socket) =>
      socket
        .once("data", (chunk) => socket.write(answers[String(chunk).split(" ")[1] ?? ""] ?? ""))
        .on("error", () => {}),
    ),
  );
  for (const path of Object.keys(answers)) {
    const answer = await plain(proxy.port, `http://api.test:${port}${path}`);
    assert.deepEqual(
      [answer.status, answer.headers["x-nanoclaw"], answer.headers["x-injected"]],
      [502, "failed", undefined],
      path,
    );
  }
  // A second answer, sent unasked, is not taken for that to the next request.
  const rogue = await listening(
    t,
    createServer((socket) => {
      let asked = 0;
      socket.on("error", () => {});
      socket.on("data", () => {
        asked += 1;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#${asked}`);
        setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"), 20);
      });
    }),
  );
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await plain(proxy.port, `http://api.test:${rogue}/`)).body, "#1");
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
});

test("a server can't speak in the door's name", async (t) => {
  const proxy = await openProxy(t);
  const { port } = await webServer(t, (_, response) =>
    response.writeHead(403, { "x-nanoclaw": "refused", "alt-svc": 'h3=":443"' }).end("{}"),
  );
  const answer = await ask(proxy.port, { at: port });
  assert.deepEqual(
    [answer.status, answer.headers["x-nanoclaw"], answer.headers["alt-svc"]],
    [403, undefined, undefined],
  );
});

test("slow clients are let go: without a request, in its headers, in a handshake, in a body", async (t) => {
  const proxy = await openProxy(t, {}, { limits: { headerTime: 300, bodyIdle: 300, keepAlive: 300 } });
  const { port } = await webServer(t, (request, response) => request.resume().on("end", () => response.end("ok")));
  const host = `api.test:${port}`;
  const trickle = (socket: import("node:net").Socket, bytes: string) => {
    let at = 0;
    const timer = setInterval(() => socket.writable && socket.write(bytes[at++ % bytes.length] ?? ""), 20);
    socket.once("close", () => clearInterval(timer));
  };
  const { connect } = await import("node:net");
  const open = () => connect(proxy.port, "127.0.0.1").on("error", () => {});
  const silent = open();
  const slow = open();
  trickle(slow, "GET http://api.test/ HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  const shaking = (await connectTo(proxy.port, host)).socket;
  shaking.write(Buffer.from([0x16, 3, 1]));
  const body = open();
  body.write(`POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\nx`);
  await Promise.all([silent, slow, shaking, body].map((socket) => restOf(socket.resume(), 10_000)));
  await until(() => proxy.session.connections === 0);
});

test("requests, connections, look-ups and new hosts are bounded", async (t) => {
  const limits = {
    connections: 3,
    requests: { rate: 0.001, burst: 12 },
    lookups: { rate: 0.001, burst: 2 },
    certificates: { rate: 0.001, burst: 1 },
  };
  const proxy = await openProxy(t, {}, { limits });
  const { port } = await noting(t);
  for (const [index, status] of [200, 200, 429].entries()) {
    // A name of its own each time, so a connection of its own.
    assert.equal((await plain(proxy.port, `http://h${index}.test:${port}/`)).status, status);
  }
  const tunnels = [
    await connectTo(proxy.port, "a.test:443"),
    await connectTo(proxy.port, "b.test:443"),
    await connectTo(proxy.port, "a.test:443"),
  ];
  await until(() => proxy.refused.some(({ why }) => /new hosts/.test(why)));
  await connectTo(proxy.port, "a.test:443");
  const many = await raw(proxy.port, "", 2_000);
  assert.match(many, /^HTTP\/1.1 429 [\s\S]*too many of them open/);
  for (const { socket } of tunnels) socket.destroy();
  await until(() => proxy.session.connections <= 1);
  const busy = await openProxy(t, {}, { limits: { requests: { rate: 0.001, burst: 4 } } });
  const statuses: number[] = [];
  for (let count = 0; count < 6; count += 1) statuses.push((await plain(busy.port, `http://h.test:${port}/`)).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
});
