/** Usual tools in a real container, through the relay, the session socket and the door, to servers on this machine. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Script, until, webServer } from "../../drivers/door/network/testing/network.ts";
import { openGateway, type TestSession } from "../../drivers/door/network/testing/process.ts";
import { inside } from "../../protocol/layout.ts";
import { Registries } from "../support/registries.ts";
import { openBox, UID } from "./sandbox-box.ts";

const box = openBox(null);
const registries = new Registries();
const [npm, git, wheels] = [registries.npm("/npm"), registries.git(), registries.wheels()];
const index = registries.pythonIndex(() => `https://tools.test:${port}`);
const later: (() => unknown)[] = [];
const t = { after: (run: () => unknown) => void later.push(run) };
let port = 0;
let door: TestSession;
let gateway: Awaited<ReturnType<typeof openGateway>>;
let decide: Script["decide"] = () => ({});

before(async () => {
  ({ port } = await webServer(t as never, serve, { host: "tools.test" }).then(async (made) => {
    made.server.on("upgrade", (request: IncomingMessage, socket: import("node:net").Socket) => {
      const accept = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from("hello")]));
      socket.on("error", () => {});
    });
    return made;
  }));
  gateway = await openGateway(t, { decide: (request) => decide?.(request) ?? {} });
  door = await gateway.open("s-1", { dir: join(box.dir, "run"), uid: UID });
  for (const [name, text] of Object.entries(gateway.gateway.trust()))
    writeFileSync(join(box.dir, "config", name), text);
});
after(async () => {
  await door?.close();
  for (const run of later.reverse()) await run();
  box.close();
  registries.close();
});

/** Runs a script beside the relay, as a runner has it. @returns what it wrote to stderr */
async function run(script: string): Promise<string> {
  const relay = `import { startProxyRelay } from "${inside.runnerDir}/relay.ts"; await startProxyRelay("${inside.socket}", ${inside.proxyPort}); await Bun.write("/tmp/up", "");`;
  const { stderr, code } = await box.run(`cd /tmp && bun -e '${relay}' & while [ ! -e /tmp/up ]; do sleep 0.05; done
exec 1>&2; cd /tmp; ${script.replaceAll("$AT", `https://tools.test:${port}`)}`);
  return `${stderr}${code === 0 ? "" : `exit ${code}`}`;
}

describe("tools in a container, through the door", () => {
  test("curl, in HTTP/1.1 and HTTP/2", async () => {
    assert.match(await run("curl -sS $AT/hello; curl -sS --http2 -d body $AT/echo"), /GET hello\nPOST body\n/);
  });
  test("git clone over HTTPS", async () => {
    const said = await run("git clone -q $AT/some/repo.git there && cat there/file");
    assert.match(said, /from the repository/);
    assert.ok(gateway.asked.some(({ path }) => path.startsWith("/some/repo.git/info/refs")));
  });
  test("bun: fetch, and an install from an npm registry", async () => {
    assert.match(await run(`bun -e 'console.error(await (await fetch("$AT/hello")).text())'`), /GET hello/);
    const install =
      "mkdir p && cd p && echo '{}' > package.json && bun add small@1.0.0 --registry $AT/npm/ --no-progress && bun -e 'console.error(require(\"small\"))'";
    assert.match(await run(install), /a small package/);
  });
  test("python: urllib, and a download from an index of packages", async () => {
    const said = await run(`python3 - <<'EOF'
import re, urllib.parse, urllib.request
print(urllib.request.urlopen("$AT/hello").read().decode())
index = "$AT/simple/small/"
link = re.search('href="([^"#]+)', urllib.request.urlopen(index).read().decode()).group(1)
print(urllib.request.urlopen(urllib.parse.urljoin(index, link)).read().decode("latin1"))
EOF`);
    assert.match(said, /GET hello[\s\S]*a small wheel/);
  });
  test("a WebSocket and a stream of events, as they come", async () => {
    const ws = `bun -e 'const s = new WebSocket("$AT/ws".replace("https", "wss"), { proxy: process.env.HTTPS_PROXY }); s.onmessage = (e) => { console.error("ws", e.data); process.exit(0) }; s.onerror = (e) => { console.error("failed", e.message); process.exit(1) }'`;
    assert.match(await run(ws), /ws hello/);
    assert.ok(gateway.asked.some(({ upgrade }) => upgrade === "websocket"));
    const events = await run(`python3 - <<'EOF'
import time, urllib.request
stream = urllib.request.urlopen("$AT/events")
times = []
for line in stream:
    if line.startswith(b"data"): times.append(time.time())
print("events", len(times), "apart" if times[-1] - times[0] > 0.3 else "at once")
EOF`);
    assert.match(events, /events 5 apart/);
  });
  test("what is refused is told to the tool, with its reason", async () => {
    decide = () => ({ allow: false, status: 403, message: "Ask the owner for it." });
    const said = await run(
      "curl -sS -w '%{http_code}' $AT/hello; git clone -q $AT/some/repo.git there; python3 -c 'import socket; socket.create_connection((\"198.51.100.1\", 443), 2)' 2>&1 | tail -1",
    );
    decide = () => ({});
    assert.match(said, /Ask the owner for it[\s\S]*403/);
    assert.match(said, /error: 403/);
    assert.match(said, /unreachable/i);
  });
  test("a small package from the real npm registry, where this machine reaches it", async (t) => {
    const registry = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
    const { default: https } = await import("node:https");
    const reached = await new Promise<boolean>((done) => {
      https
        .get(`${registry}ms`, (answer) => done(answer.resume().statusCode === 200))
        .on("error", () => done(false))
        .setTimeout(10_000, () => done(false));
    });
    if (!reached) return t.skip(`${registry} can't be reached from here`);
    const said = await run(
      `mkdir q && cd q && echo '{}' > package.json && bun add ms@2.1.3 --registry ${registry} --no-progress && bun -e 'console.error("lasts", require("ms")(60000))'`,
    );
    assert.match(said, /lasts 1m/);
    await until(() => gateway.ended.length > 0);
  });
});

function serve(request: IncomingMessage, response: ServerResponse): void {
  const { url = "", method } = request;
  if (url.startsWith("/some/repo.git/")) return void git(request, response);
  if (url.startsWith("/events")) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      response.write(`data: ${count}\n\n`);
      if (count < 5) return;
      clearInterval(timer);
      response.end();
    }, 100);
    return;
  }
  if (url.startsWith("/npm/")) return void npm(request, response);
  if (url.startsWith("/simple/")) return void index(request, response);
  if (url.startsWith("/packages/")) return void wheels(request, response);
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => response.end(`${method} ${body || url.slice(1)}\n`));
}
