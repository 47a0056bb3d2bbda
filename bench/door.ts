/**
 * What the way to the network costs: the same requests to a server on this machine, direct, through a tunnel and
 * intercepted, in turns of one run. Each end is a process of its own (sides.ts): server, relay, door. The client shares
 * its process with the host, whose rules, guard, audit log and database on the disk are the real ones.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { networkLimits } from "../drivers/door/network/limits.ts";
import { connectTo } from "../drivers/door/network/testing/network.ts";
import { openGateway } from "../drivers/door/network/testing/process.ts";
import { startRelay, startWeb, type Web } from "../drivers/door/network/testing/sides.ts";
import { approvalsPart } from "../parts/approvals/index.ts";
import { egressRules } from "../parts/egress/index.ts";
import { EgressRules } from "../parts/egress/rules.ts";
import { flowGuard } from "../parts/guard/index.ts";
import { Audit } from "../src/audit/audit.ts";
import { systemClock } from "../src/lib/clock.ts";
import type { AgentGroupId, SessionId } from "../src/lib/ids.ts";
import { silentLog } from "../src/lib/log.ts";
import { openStore } from "../src/store/store.ts";
import { percentiles, type Row, type Section, single } from "./stats.ts";

export interface DoorBench {
  /** Of each kind, on each way. */
  requests: number;
  events: number;
  /** Of a download and of an upload. */
  bytes: number;
  rounds: number;
  streams: number;
}

type Way = "direct" | "tunnelled" | "intercepted";
const WAYS: Way[] = ["direct", "tunnelled", "intercepted"];
const SESSIONS = 8;
const AGENT = "a-1" as AgentGroupId;
/** What a home's line may bring at best, bytes a second: a gigabit. */
const GIGABIT = 118_000_000;

interface Line {
  agent: https.Agent;
  host: string;
  port: number;
}

export async function door({ requests, events, bytes, rounds, streams }: DoorBench): Promise<Section> {
  const after: (() => unknown)[] = [];
  const t = { after: (run: () => unknown) => void after.push(run) };
  try {
    const { gateway, server, relays } = await given(t);
    const open = (way: Way, relay = relays[0] ?? 0) => openTo(way, server, relay, gateway.authority());
    const lines = new Map<Way, Line>();
    for (const way of WAYS) lines.set(way, await kept(way, server, await open(way)));
    const rows: Row[] = [];
    const each = async (count: number, once: (line: Line) => Promise<number>) => {
      const figures = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
      // In turns, so that what else the machine does hits all alike.
      for (let round = 0; round < count; round += 1)
        for (const [way, line] of lines) figures.get(way)?.push(await once(line));
      return (way: Way) => figures.get(way) ?? [];
    };

    for (const [name, method, path] of [
      ["GET", "GET", "/small"],
      ["POST, with its intent in the audit log", "POST", "/small"],
    ] as const) {
      await each(50, (line) => timed(() => ask(line, path, method)));
      const times = await each(requests, (line) => timed(() => ask(line, path, method)));
      for (const way of WAYS) rows.push(percentiles(`${name}, ${way}`, "ms", times(way)));
      rows.push(single("added at p50, tunnelled", "ms", median(times("tunnelled")) - median(times("direct")), "1"));
      rows.push(single("added at p50, intercepted", "ms", median(times("intercepted")) - median(times("direct")), "3"));
    }

    const late = new Map<Way, number[]>();
    for (const [way, line] of lines) late.set(way, await delays(line, events));
    for (const way of WAYS) rows.push(percentiles(`event of a stream, ${way}`, "ms", late.get(way) ?? []));
    const direct = median(late.get("direct") ?? []);
    rows.push(single("added at p50, tunnelled", "ms", median(late.get("tunnelled") ?? []) - direct, "1"));
    rows.push(single("added at p50, intercepted", "ms", median(late.get("intercepted") ?? []) - direct, "3"));

    const size = `${bytes / 1e6} MB`;
    for (const [what, pass] of [
      [`download of ${size}`, (line: Line) => ask(line, `/down?count=${bytes}`)],
      [`upload of ${size}`, (line: Line) => ask(line, "/up", "POST", bytes)],
      [`download of ${size} over a gigabit`, (line: Line) => ask(line, `/down?count=${bytes}&rate=${GIGABIT}`)],
    ] as const) {
      const rates = await each(rounds, async (line) => bytes / 1e3 / (await timed(() => pass(line))));
      const rate = (way: Way) => median(rates(way));
      rows.push(single(`${what}, direct, median of ${rounds}`, "MB/s", rate("direct")));
      rows.push(single("ratio, tunnelled", "", rate("tunnelled") / rate("direct"), "0.8"));
      rows.push(single("ratio, intercepted", "", rate("intercepted") / rate("direct"), "0.5"));
    }
    for (const { agent } of lines.values()) agent.destroy();
    const memory = () => residentOf(gateway.gateway.networkPid);
    rows.push(...(await openStreams(streams, relays, memory, (relay) => open("intercepted", relay), server.ports[0])));
    return { name: "The way to the network", rows };
  } finally {
    for (const run of after.reverse()) await run();
  }
}

/** A host's side with rules for both servers, and a relay for each of its sessions. */
async function given(t: { after(run: () => unknown): void }) {
  const dir = mkdtempSync(join(tmpdir(), "nc-bench-door-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const server = await startWeb(t);
  const store = openStore(join(dir, "v2.db"));
  t.after(() => store.db.close());
  const now = systemClock.now();
  const group = { id: AGENT, folder: "main", name: "Nano", provider: "null", model: null, runtime: null };
  store.groups.addAgentGroup({ ...group, uid: 1000, createdAt: now });
  const rules = new EgressRules(store.db);
  for (const [host, action] of [
    ["bench.test", "allow"],
    ["tunnel.test", "tunnel"],
  ] as const) {
    const rule = {
      agentGroup: AGENT,
      bundle: null,
      session: null,
      host,
      scheme: "https",
      path: "/**",
      action,
    } as const;
    const port = server.ports[action === "tunnel" ? 1 : 0];
    rules.add(
      { ...rule, port, methods: ["*"], credential: null, privateNetwork: true, trusted: true, acts: false },
      now,
    );
  }
  const parts = { store, audit: new Audit(store.db, systemClock), clock: systemClock, log: silentLog };
  const { approvals } = approvalsPart({ ...parts, edits: () => false });
  const { guard } = flowGuard({ ...parts, trusts: () => false });
  const { egress, stop } = egressRules({
    ...{ ...parts, approvals, guard },
    credentials: { list: () => [], wire: () => Promise.reject(), placeholderOf: () => "", nameOf: () => null },
    model: () => ({ host: "", what: "", how: "", from: "" }),
  });
  t.after(stop);
  // More a second than a session may ask for: it is the time of one that counts. And a line waits for its turn.
  const limits = { ...networkLimits, requests: { rate: 1e6, burst: 1e6 }, keepAlive: 600_000 };
  const gateway = await openGateway(t, {}, limits, { egress, trust: [server.ca] });
  const relays: number[] = [];
  for (let n = 0; n < SESSIONS; n += 1) {
    const id = `s-${n}` as SessionId;
    const chat = { channel: "bench", chat: id, thread: null, conversation: `bench/${id}` };
    store.sessions.add({ id, agentGroup: AGENT, ...chat, runtime: null, outboundCursor: 0, lastActiveAt: now });
    const { socket } = await gateway.open(id);
    relays.push((await startRelay(t, socket)).port);
  }
  return { gateway, server, relays };
}

const targetOf = (way: Way, { ports }: Web) =>
  way === "tunnelled" ? { host: "tunnel.test", port: ports[1] } : { host: "bench.test", port: ports[0] };

async function openTo(way: Way, server: Web, relay: number, authority: string): Promise<Socket> {
  const { host, port } = targetOf(way, server);
  let socket: Socket | null = null;
  if (way !== "direct") {
    const tunnel = await connectTo(relay, `${host}:${port}`);
    if (tunnel.status !== 200) throw new Error(`a tunnel was answered ${tunnel.status}: ${tunnel.head}`);
    socket = tunnel.socket;
  }
  const secure = tls.connect({
    ...(socket ? { socket } : { port, host: "127.0.0.1", noDelay: true }),
    ...{ servername: host, ca: way === "intercepted" ? authority : server.ca, ALPNProtocols: ["http/1.1"] },
  });
  await once(secure, "secureConnect");
  return secure;
}

async function kept(way: Way, server: Web, socket: Socket): Promise<Line> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  let given = false;
  agent.createConnection = () => {
    if (given) throw new Error(`the ${way} connection was not kept open`);
    given = true;
    return socket;
  };
  return { agent, ...targetOf(way, server) };
}

const BODY = Buffer.alloc(65_536, "nothing that anybody looks for, ");

/** One request and its whole answer. @param body of so many bytes */
async function ask({ agent, host, port }: Line, path: string, method = "GET", body = 0): Promise<void> {
  const headers = { Host: `${host}:${port}`, ...(method === "POST" && { "content-length": body }) };
  const request = https.request({ agent, path, method, setHost: false, headers });
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  for (let left = body; left > 0; left -= BODY.length)
    if (!request.write(BODY.subarray(0, left))) await once(request, "drain");
  request.end();
  const [answer] = await answered;
  if (answer.statusCode !== 200) throw new Error(`${method} ${path} was answered ${answer.statusCode}`);
  await once(answer.resume(), "end");
}

async function delays({ agent, host, port }: Line, count: number): Promise<number[]> {
  const headers = { Host: `${host}:${port}` };
  const request = https.get({ agent, path: `/events?count=${count}`, setHost: false, headers });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const times: number[] = [];
  for await (const chunk of answer) {
    const now = performance.timeOrigin + performance.now();
    // Two that come in one piece are two.
    for (const [, sent] of String(chunk).matchAll(/data: ([\d.]+)/g)) times.push(now - Number(sent));
  }
  return times;
}

/** Memory of the door's process with so many streams open, each on a connection of its own. */
async function openStreams(
  count: number,
  relays: number[],
  memory: () => number,
  open: (relay: number) => Promise<Socket>,
  port: number,
): Promise<Row[]> {
  const before = memory();
  const held: Socket[] = [];
  const fill = async (relay: number, share: number) => {
    for (let opened = 0; opened < share; opened += 1) {
      const socket = await open(relay);
      socket.write(`GET /held HTTP/1.1\r\nHost: bench.test:${port}\r\n\r\n`);
      await once(socket, "data");
      held.push(socket);
    }
  };
  await Promise.all(relays.map((relay) => fill(relay, count / relays.length)));
  await new Promise((done) => setTimeout(done, 1_000));
  const grown = memory() - before;
  for (const socket of held) socket.destroy();
  return [
    single(`memory for ${held.length} open streams, intercepted`, "MB", grown),
    single("the door's process without them", "MB", before),
  ];
}

const residentOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1_000;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const median = (samples: number[]) => samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
