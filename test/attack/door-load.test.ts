/**
 * One session asks the way to the network for far more than its share: it is bounded and told so, while another session
 * is answered and the host is not held up. Real processes throughout; who attacks sits in a real container.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, type TestContext, test } from "node:test";
import { networkLimits } from "../../drivers/door/network/limits.ts";
import { ask } from "../../drivers/door/network/testing/network.ts";
import { openGateway, type TestSession } from "../../drivers/door/network/testing/process.ts";
import { startWeb, type Web } from "../../drivers/door/network/testing/sides.ts";
import { inside } from "../../protocol/layout.ts";
import { openBox, UID } from "../e2e/sandbox-box.ts";

const FULL = process.env.NANOCLAW_FULL === "1";
const BODY = FULL ? 10_000_000_000 : 250_000_000;
/** What the host may do in one go, milliseconds of the processor: on a busy machine all takes several times as much. */
const HELD_UP = 250;
/** What the door's process may grow by, bytes. */
const GROWTH = 150_000_000;

const box = openBox(null);
const later: (() => unknown)[] = [];
const t = { after: (run: () => unknown) => void later.push(run) };
let web: Web;
let gateway: Awaited<ReturnType<typeof openGateway>>;
let neighbour: TestSession;
let sessions = 0;

before(async () => {
  web = await startWeb(t);
  const tunnel = ({ host }: { host: string }) =>
    host === "tunnel.test" ? ({ do: "pass", id: 1, privateNetwork: true } as const) : ({ do: "intercept" } as const);
  gateway = await openGateway(t, { tunnel }, {}, { trust: [web.ca] });
  neighbour = await gateway.open("s-neighbour");
  for (const [name, content] of Object.entries(gateway.gateway.trust()))
    writeFileSync(join(box.dir, "config", name), content);
  await asNeighbour();
});
after(async () => {
  for (const run of later.reverse()) await run();
  box.close();
});

/** One request of the other session, on a connection of its own. */
const asNeighbour = async () => {
  const answer = await ask(neighbour.port, { host: "bench.test", at: web.ports[0], ca: gateway.authority() });
  assert.equal(answer.status, 200);
};

const memoryOf = (pid: number) =>
  1_000 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);

/** Runs `load` while the neighbour asks again and again. @returns what it came to */
async function under<Result>(test: TestContext, load: () => Promise<Result>): Promise<Result> {
  const { networkPid } = gateway.gateway;
  const start = { door: memoryOf(networkPid), host: memoryOf(process.pid) };
  const most = { ...start };
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // What this process did between two turns of its loop: what it waited for the processor is not in it.
  let longest = 0;
  let used = process.threadCpuUsage();
  const looking = setInterval(() => {
    const { user, system } = process.threadCpuUsage(used);
    used = process.threadCpuUsage();
    longest = Math.max(longest, (user + system) / 1_000);
    most.door = Math.max(most.door, memoryOf(networkPid));
    most.host = Math.max(most.host, memoryOf(process.pid));
  }, 5);
  let [over, answered, slowest] = [false, 0, 0];
  const asking = (async () => {
    while (!over) {
      const began = performance.now();
      await asNeighbour();
      slowest = Math.max(slowest, performance.now() - began);
      answered += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    return await load();
  } finally {
    over = true;
    await asking;
    clearInterval(looking);
    delay.disable();
    const grown = { door: most.door - start.door, host: most.host - start.host };
    test.diagnostic(
      `neighbour answered ${answered} times, slowest ${slowest.toFixed(0)} ms; host: ${longest.toFixed(1)} ms of its own at most, loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, most ${(delay.max / 1e6).toFixed(1)} ms, grew by ${(grown.host / 1e6).toFixed(0)} MB; door grew by ${(grown.door / 1e6).toFixed(0)} MB`,
    );
    assert.equal(gateway.gateway.networkPid, networkPid, "the door's process was ended");
    assert.ok(answered > 0);
    assert.ok(longest < HELD_UP, `the host did ${longest} ms in one go`);
    assert.ok(grown.door < GROWTH, `the door grew by ${grown.door}`);
    assert.ok(grown.host < GROWTH, `the host grew by ${grown.host}`);
  }
}

/** Runs a shell script in the container of a session of its own. @returns what it wrote to stderr */
async function inContainer(script: string): Promise<string> {
  sessions += 1;
  const session = await gateway.open(`s-${sessions}`, { dir: join(box.dir, "run"), uid: UID });
  const { stderr } = await box.run(script);
  await session.close();
  return stderr;
}

/** The same for a program for Bun. @returns what it printed at its end, as JSON */
async function program(text: string): Promise<Record<string, number>> {
  writeFileSync(join(box.dir, "config", "attack.ts"), text);
  const said = await inContainer(`exec bun ${inside.configDir}/attack.ts`);
  assert.match(said, /^\{.*\}$/m);
  return JSON.parse(said.trim().split("\n").at(-1) ?? "");
}

/** Opens connections straight to the session socket, past the relay, and holds what it is given. */
const flood = (count: number, atOnce: number) => `
import { connect } from "node:net";
const ASKED = "GET /nanoclaw/proxy HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: nanoclaw-proxy\\r\\n\\r\\n";
const all = [];
const one = () => new Promise((done) => {
  const each = { said: "", open: true };
  all.push(each);
  const socket = connect(${JSON.stringify(inside.socket)});
  socket.on("error", () => {}).on("close", () => { each.open = false; done(); });
  socket.on("data", (bytes) => { each.said += bytes; done(); });
  socket.write(ASKED);
});
let left = ${count};
await Promise.all(Array.from({ length: ${atOnce} }, async () => { while (left-- > 0) await one(); }));
await new Promise((done) => setTimeout(done, 2_000));
const refused = all.filter(({ said }) => / (429|503) [^]*(too many|it is started again)/.test(said)).length;
console.error(JSON.stringify({ asked: all.length, open: all.filter((each) => each.open).length, refused }));
process.exit(0);
`;

/** What ordinary tools do, only more of them: each connection asks the relay's proxy for a page. */
const crowd = (count: number) => `
import { connect } from "node:net";
import { startProxyRelay } from "${inside.runnerDir}/relay.ts";
await startProxyRelay(${JSON.stringify(inside.socket)}, ${inside.proxyPort});
const one = () => new Promise((done) => {
  let said = "";
  const socket = connect(${inside.proxyPort}, "127.0.0.1");
  socket.on("error", () => {}).on("close", () => done(said)).on("data", (bytes) => { said += bytes; });
  socket.write("GET http://plain.test:1/ HTTP/1.1\\r\\nHost: plain.test:1\\r\\nConnection: close\\r\\n\\r\\n");
});
const said = await Promise.all(Array.from({ length: ${count} }, one));
const by = (words) => said.filter((each) => words.test(each)).length;
console.error(JSON.stringify({ passed: by(/ 502 [^]*could not get an answer/), refused: by(/429 [^]*too many/i), silent: by(/^$/) }));
process.exit(0);
`;

/** Downloads without end, half of them in tunnels, of which each stops to read after the first bytes. */
const unread = (count: number, ports: [number, number]) => `
import { connect } from "node:net";
import tls from "node:tls";
import { startProxyRelay } from "${inside.runnerDir}/relay.ts";
await startProxyRelay(${JSON.stringify(inside.socket)}, ${inside.proxyPort});
const one = (host) => new Promise((done) => {
  const socket = connect(${inside.proxyPort}, "127.0.0.1");
  socket.write("CONNECT " + host + " HTTP/1.1\\r\\nHost: " + host + "\\r\\n\\r\\n");
  socket.once("data", (head) => {
    if (!/ 200 /.test(head)) return done(false);
    const secure = tls.connect({ socket, servername: host.split(":")[0], rejectUnauthorized: false });
    secure.on("error", () => done(false)).write("GET /down?count=1000000000000 HTTP/1.1\\r\\nHost: " + host + "\\r\\n\\r\\n");
    secure.once("data", () => { secure.pause(); socket.pause(); done(true); });
  });
});
const hosts = ["bench.test:${ports[0]}", "tunnel.test:${ports[1]}"];
const begun = await Promise.all(Array.from({ length: ${count} }, (_, n) => one(hosts[n % 2])));
// All that can be held on the way is filled by then.
await new Promise((done) => setTimeout(done, 3_000));
console.error(JSON.stringify({ begun: begun.filter(Boolean).length }));
process.exit(0);
`;

const https = (way: "bench.test" | "tunnel.test") => `https://${way}:${web.ports[way === "bench.test" ? 0 : 1]}`;

/** Runs a shell script beside the relay that tools in a container have. */
function besideRelay(script: string): Promise<string> {
  const relay = `import { startProxyRelay } from "${inside.runnerDir}/relay.ts"; await startProxyRelay("${inside.socket}", ${inside.proxyPort}); await Bun.write("/tmp/up", "");`;
  return inContainer(
    `cd /tmp && bun -e '${relay}' & while [ ! -e /tmp/up ]; do sleep 0.05; done; exec 1>&2; ${script}`,
  );
}

describe("far more than its share", { timeout: FULL ? 3_600_000 : 280_000 }, () => {
  test("10,000 connections past the relay: some are held, the others are not", async (t) => {
    const came = await under(t, () => program(flood(10_000, 500)));
    t.diagnostic(JSON.stringify(came));
    assert.equal(came.asked, 10_000);
    assert.ok((came.open ?? 0) <= networkLimits.connections, "more are open than a session may have");
    assert.ok((came.refused ?? 0) > 0);
  });

  test("300 connections of tools at once: each is served or told why not", async (t) => {
    const came = await program(crowd(300));
    t.diagnostic(JSON.stringify(came));
    assert.deepEqual([came.silent, (came.passed ?? 0) + (came.refused ?? 0)], [0, 300]);
    assert.ok((came.passed ?? 0) >= networkLimits.connections / 2);
  });
});

describe("more than fits into memory", { timeout: FULL ? 3_600_000 : 280_000 }, () => {
  for (const way of ["bench.test", "tunnel.test"] as const) {
    test(`${BODY / 1e9} GB down and up at once, ${way === "bench.test" ? "intercepted" : "in a tunnel"}`, async (t) => {
      // The tunnel's server shows its own certificate, which nobody in there trusts.
      const curl = `curl -sSk --fail`;
      const down = `${curl} '${https(way)}/down?count=${BODY}' | wc -c`;
      const up = `head -c ${BODY} /dev/zero | ${curl} -T - ${https(way)}/up`;
      const said = await under(t, () => besideRelay(`${down} & ${up}; wait $!`));
      assert.match(said, new RegExp(`${BODY}\n`));
      assert.match(said, /done/);
    });
  }

  test("a hundred downloads that nobody reads", async (t) => {
    assert.deepEqual(await under(t, () => program(unread(100, web.ports))), { begun: 100 });
  });
});
