/**
 * What the way to the network costs: the same requests to a server on this machine, direct, through a tunnel and
 * intercepted, in turns of one run. The relay is the one of the container, run by Node in a process with the client.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import tls from "node:tls";
import { networkLimits } from "../drivers/door/network/limits.ts";
import { connectTo, web, webServer } from "../drivers/door/network/testing/network.ts";
import { openGateway } from "../drivers/door/network/testing/process.ts";
import { percentiles, type Row, type Section, single } from "./stats.ts";

const HOST = "bench.test";
const DOWNLOAD = 60_000_000;
const EVENTS = 200;
type Way = "direct" | "tunnelled" | "intercepted";
const WAYS: Way[] = ["direct", "tunnelled", "intercepted"];

export async function door(requests: number, streams: number): Promise<Section> {
  const after: (() => unknown)[] = [];
  const t = { after: (run: () => unknown) => void after.push(run) };
  let way: Way = "direct";
  const limits = { ...networkLimits, requests: { rate: 1e6, burst: 1e6 }, concurrent: 2_000, connections: 2_000 };
  const gateway = await openGateway(
    t,
    { tunnel: () => (way === "tunnelled" ? { do: "pass", id: 1, privateNetwork: true } : { do: "intercept" }) },
    limits,
  );
  const session = await gateway.open("bench");
  const { port } = await webServer(t as never, serve, { host: HOST });
  const open = async (): Promise<Socket> => {
    const { socket } = way === "direct" ? { socket: undefined } : await connectTo(session.port, `${HOST}:${port}`);
    const ca = way === "intercepted" ? gateway.authority() : web.certificate;
    const secure = tls.connect({
      ...(socket ? { socket } : { port, host: "127.0.0.1" }),
      servername: HOST,
      ca,
      ALPNProtocols: ["http/1.1"],
    });
    await once(secure, "secureConnect");
    return secure;
  };
  try {
    const agents = new Map<Way, https.Agent>();
    for (way of WAYS) agents.set(way, await keptOpen(open));
    const rows: Row[] = [];
    const times = new Map(WAYS.map((each) => [each, [] as number[]]));
    // In turns, so that what else the machine does hits all alike.
    for (let count = 0; count < requests; count += 1) {
      for (const each of WAYS) {
        const began = performance.now();
        await read(await get(agents.get(each), port, "/small"));
        times.get(each)?.push(performance.now() - began);
      }
    }
    for (const each of WAYS)
      rows.push(percentiles(`request on an open connection, ${each}`, "ms", times.get(each) ?? []));
    const middle = (each: Way) =>
      (times.get(each) ?? []).toSorted((a, b) => a - b)[Math.floor(requests / 2)] ?? Number.NaN;
    rows.push(single("added at the median, tunnelled", "ms", middle("tunnelled") - middle("direct"), "1"));
    rows.push(single("added at the median, intercepted", "ms", middle("intercepted") - middle("direct"), "3"));
    for (const each of WAYS)
      rows.push(percentiles(`streamed event, from its sending, ${each}`, "ms", await events(agents.get(each), port)));
    const speeds = new Map<Way, number[]>(WAYS.map((each) => [each, []]));
    for (let round = 0; round < 3; round += 1) {
      for (const each of WAYS) {
        const began = performance.now();
        await read(await get(agents.get(each), port, "/large"));
        speeds.get(each)?.push(DOWNLOAD / 1e3 / (performance.now() - began));
      }
    }
    const best = (each: Way) => Math.max(...(speeds.get(each) ?? []));
    rows.push(single("download of 60 MB, direct, best of 3", "MB/s", best("direct")));
    rows.push(single("its ratio, tunnelled", "", best("tunnelled") / best("direct"), "0.8"));
    rows.push(single("its ratio, intercepted", "", best("intercepted") / best("direct"), "0.5"));
    rows.push(...(await openStreams(streams)));
    return { name: "The way to the network", rows };
  } finally {
    await session.close();
    for (const run of after.reverse()) await run();
  }

  /** Memory of the door's process with so many streams open, each on a connection of its own. */
  async function openStreams(count: number): Promise<Row[]> {
    way = "intercepted";
    const memory = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.gateway.networkPid}/status`, "utf8"))?.[1] ?? 0) /
      1_000;
    const before = memory();
    const held: Socket[] = [];
    // Under what a session may begin a second.
    for (let opened = 0; opened < count; opened += 1) {
      const socket = await open();
      socket.write(`GET /held HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
      await once(socket, "data");
      held.push(socket);
      if (opened >= 250) await new Promise((resolve) => setTimeout(resolve, 21));
    }
    const grown = memory() - before;
    for (const socket of held) socket.destroy();
    return [
      single(`memory for ${count} open streams, intercepted`, "MB", grown),
      single("the door's process without them", "MB", before),
    ];
  }
}

async function keptOpen(open: () => Promise<Socket>): Promise<https.Agent> {
  const socket = await open();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  return agent;
}

async function get(agent: https.Agent | undefined, port: number, path: string): Promise<IncomingMessage> {
  const request = https.get({ ...(agent && { agent }), path, setHost: false, headers: { Host: `${HOST}:${port}` } });
  return (await once(request, "response"))[0] as IncomingMessage;
}

async function read(answer: IncomingMessage): Promise<void> {
  answer.resume();
  await once(answer, "end");
}

async function events(agent: https.Agent | undefined, port: number): Promise<number[]> {
  const answer = await get(agent, port, "/events");
  const times: number[] = [];
  for await (const chunk of answer) times.push(performance.now() - Number(/data: ([\d.]+)/.exec(String(chunk))?.[1]));
  return times;
}

const serve: import("node:http").RequestListener = (request, response) => {
  if (request.url === "/held") {
    response.write("held");
    return;
  }
  if (request.url === "/events") {
    let count = 0;
    const timer = setInterval(() => {
      response.write(`data: ${performance.now()}\n\n`);
      count += 1;
      if (count < EVENTS) return;
      clearInterval(timer);
      response.end();
    }, 5);
    return;
  }
  if (request.url !== "/large") {
    response.end("small");
    return;
  }
  const chunk = Buffer.alloc(65_536);
  let sent = 0;
  response.setHeader("content-length", DOWNLOAD);
  const more = (): void => {
    while (sent < DOWNLOAD) {
      const part = chunk.subarray(0, Math.min(chunk.length, DOWNLOAD - sent));
      sent += part.length;
      if (!response.write(part)) {
        response.once("drain", more);
        return;
      }
    }
    response.end();
  };
  more();
};
