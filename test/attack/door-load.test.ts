/**
 * One session asks the way to the network for far more than its share: it is bounded and told so, while another session
 * is answered and the host is not held up. Real processes throughout; who attacks sits in a real container.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { after, before, describe, type TestContext, test } from "node:test";
import { ask, connectTo, secured, until } from "../../drivers/door/network/testing/network.ts";
import { openGateway, type TestSession } from "../../drivers/door/network/testing/process.ts";
import { startWeb, type Web } from "../../drivers/door/network/testing/sides.ts";
import { inside } from "../../protocol/layout.ts";
import { openBox, UID } from "../e2e/sandbox-box.ts";

const FULL = process.env.NANOCLAW_FULL === "1";
const BODY = FULL ? 10_000_000_000 : 500_000_000;
/** What the host may do in one go, milliseconds: of its own time, so that a busy machine does not count. */
const HELD_UP = 50;
/** What the door's process may grow by, bytes. */
const GROWTH = 150_000_000;

const box = openBox(null);
const later: (() => unknown)[] = [];
const t = { after: (run: () => unknown) => void later.push(run) };
let web: Web;
let gateway: Awaited<ReturnType<typeof openGateway>>;
let greedy: TestSession;
let neighbour: TestSession;

before(async () => {
  web = await startWeb(t);
  const tunnel = ({ host }: { host: string }) =>
    host === "tunnel.test"
      ? ({ do: "pass", id: 1, privateNetwork: true } as const)
      : ({ do: "intercept" } as const);
  gateway = await openGateway(t, { tunnel }, {}, { trust: [web.ca] });
  greedy = await gateway.open("s-1", { dir: join(box.dir, "run"), uid: UID });
  neighbour = await gateway.open("s-2");
  for (const [name, content] of Object.entries(gateway.gateway.trust()))
    writeFileSync(join(box.dir, "config", name), content);
  await asNeighbour();
});
after(async () => {
  await greedy?.close();
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

/** Runs a program for Bun in the greedy session's container. @returns what it printed at its end, as JSON */
async function inContainer(program: string): Promise<unknown> {
  writeFileSync(join(box.dir, "config", "attack.ts"), program);
  const { stderr, code } = await box.run(`exec bun ${inside.configDir}/attack.ts`);
  assert.equal(code, 0, stderr);
  return JSON.parse(stderr.trim().split("\n").at(-1) ?? "");
}

/** Opens connections straight to the session socket, past the relay, and holds what it is given. */
const attacker = (count: number, atOnce: number) => `
import { connect } from "node:net";
const ASKED = "GET /nanoclaw/proxy HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: nanoclaw-proxy\\r\\n\\r\\n";
const came = { held: 0, refused: 0, dropped: 0 };
const one = () => new Promise((resolve) => {
  let said = "";
  const socket = connect(${JSON.stringify(inside.socket)});
  const end = (how) => { if (how) came[how] += 1; how = null; resolve(); };
  let told = false;
  const tell = (how) => { if (told) return; told = true; came[how] += 1; resolve(); };
  socket.on("error", () => tell(/ 429 | 503 /.test(said) ? "refused" : "dropped"));
  socket.on("close", () => tell(/ 429 | 503 /.test(said) ? "refused" : "dropped"));
  socket.on("data", (bytes) => {
    said += bytes;
    // The door's own refusal comes behind the change of protocol.
    if (said.startsWith("HTTP/1.1 101") && !/ 429 /.test(said)) setTimeout(() => tell(/ 429 /.test(said) ? "refused" : "held"), 200);
    else if (/ 429 | 503 /.test(said)) tell("refused");
  });
  socket.write(ASKED);
});
let left = ${count};
await Promise.all(Array.from({ length: ${atOnce} }, async () => { while (left-- > 0) await one(); }));
console.error(JSON.stringify(came));
process.exit(0);
`;

describe("far more than its share", () => {
  test("10,000 connections: some are held, the others refused", async (t) => {
    const came = (await under(t, () => inContainer(attacker(10_000, 500)))) as Record<string, number>;
    t.diagnostic(JSON.stringify(came));
    assert.equal((came.held ?? 0) + (came.refused ?? 0) + (came.dropped ?? 0), 10_000);
  });
});
void [spawn, once, text, connectTo, secured, until, BODY];
