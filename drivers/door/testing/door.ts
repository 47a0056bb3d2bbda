/** A gateway with one open door and a scripted model behind it, for the tests of this folder. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { BELL_PATH, BELL_PROTOCOL } from "../../../protocol/session-socket.ts";
import type { Credential, DoorHooks, RequestIntent, RequestRecord } from "../../../src/gateway/door.ts";
import type { Meter } from "../../../src/gateway/meter.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { Gateway, type NetworkParts } from "../gateway.ts";
import { defaultLimits, type Limits } from "../limits.ts";

export const SECRET = "the-real-key-of-the-owner";

export interface TestDoorOptions {
  address: string;
  credential?: Credential | null;
  needsCredential?: boolean;
  limits?: Partial<Limits>;
  trust?: string[];
  meter?: Meter;
  hooks?: Partial<DoorHooks>;
  intend?: (request: RequestIntent) => Promise<number | null>;
  network?: NetworkParts;
}

/** Lets everything pass. */
const openMeter: Meter = { ask: () => ({ allow: true, id: 1 }), goesOn: () => true, ended: () => {} };

export async function openDoor(t: TestContext, options: TestDoorOptions) {
  const dir = mkdtempSync(join(tmpdir(), "door-"));
  const records: RequestRecord[] = [];
  const { credential = { kind: "api_key", secret: SECRET } } = options;
  const gateway = new Gateway({
    upstream: () => ({ address: options.address, needsCredential: options.needsCredential ?? true }),
    credential: async () => credential,
    intend: options.intend ?? (async ({ credential }) => (credential === null ? null : 7)),
    record: (record) => records.push(record),
    meter: options.meter ?? openMeter,
    log: silentLog,
    limits: { ...defaultLimits, ...options.limits },
    trust: options.trust ?? [],
    ...(options.network && { network: options.network }),
  });
  const hooks = { onRing: () => {}, onFile: async () => "", onBell: () => {}, ...options.hooks };
  const door = await gateway.open({ id: "s-1", agentGroup: "a-1", uid: process.getuid?.() ?? 0 }, dir, hooks);
  t.after(async () => {
    await door.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { gateway, door, dir, socket: join(dir, "session.sock"), records };
}

export const MESSAGES = "/model/anthropic/v1/messages";
export const ASKED = { model: "m", max_tokens: 100, stream: true, messages: [{ role: "user", content: "hello" }] };

export interface TestAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request over the session socket. A body that is not a string or buffer is sent as JSON. */
export async function ask(
  socketPath: string,
  {
    path = MESSAGES,
    method = "POST",
    headers = {},
    body = ASKED,
  }: Partial<http.RequestOptions> & { body?: unknown } = {},
): Promise<TestAnswer> {
  const request = http.request({
    socketPath,
    path,
    method,
    headers: headers as http.OutgoingHttpHeaders,
    agent: false,
  });
  // An answer may come before the whole body was taken; the rest of it fails then.
  request.on("error", () => {});
  request.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** Sends raw bytes and resolves to all that came back until the connection closed. */
export async function raw(socketPath: string, bytes: string | Buffer): Promise<string> {
  const socket = connect(socketPath);
  socket.write(bytes);
  return text(socket);
}

/** Connects a bell. Resolves when it is upgraded; `rings` counts the bytes that came. */
export async function connectBell(socketPath: string): Promise<{ socket: Socket; rings: () => number }> {
  const request = http.request({
    socketPath,
    path: BELL_PATH,
    headers: { connection: "upgrade", upgrade: BELL_PROTOCOL },
  });
  request.end();
  const [, socket, head] = (await once(request, "upgrade")) as [unknown, Socket, Buffer];
  let rings = head.length;
  socket.on("data", (chunk: Buffer) => {
    rings += chunk.length;
  });
  socket.on("error", () => {});
  return { socket, rings: () => rings };
}

/** Carries bytes from a port of 127.0.0.1 to the session socket, as the relay inside a container does. */
export async function relay(t: TestContext, socketPath: string): Promise<string> {
  const server = createServer((client) => {
    const inner = connect(socketPath);
    client.pipe(inner).pipe(client);
    client.on("error", () => inner.destroy()).on("close", () => inner.destroy());
    inner.on("error", () => client.destroy()).on("close", () => client.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};
