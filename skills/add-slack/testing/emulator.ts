/**
 * Slack on loopback for tests: its Web API, socket mode and signed calls, people who write there, and the ways in which it
 * fails. It is ours, written from Slack's published documents: it proves that we do what we read there, not what Slack does.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { SCOPES } from "../scopes.ts";
import { BOT, Refusal, TEAM, Workspace } from "./workspace.ts";

/** Put together here, so that no file holds what looks like a token. */
export const BOT_TOKEN = ["xoxb", "1".repeat(12), "t".repeat(24)].join("-");
export const APP_TOKEN = ["xapp", "1", "A0APP", "t".repeat(32)].join("-");
export const SIGNING_SECRET = "5e".repeat(16);

/** What happens to the next request of a method. `lost` is carried out, and its answer never comes. */
export type Fault =
  | { kind: "refuse"; code: string; more?: Record<string, unknown> }
  | { kind: "status"; status: number; headers?: Record<string, string>; page?: string }
  | { kind: "lost" }
  | { kind: "silent" };

/** Between Slack's warning and the end of a connection, milliseconds. */
const WARNING = 10_000;

/** Something on its way to the app. */
export interface Delivery {
  id: string;
  type: "events_api" | "interactive";
  payload: Record<string, unknown>;
  tries: number;
  taken: boolean;
  /** The connections that it was sent on. */
  sentOn: Set<WebSocket>;
}

export class Emulator {
  readonly #server: Server = createServer((request, response) => void this.#handle(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #faults: { method: string; fault: Fault }[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #speed: number;
  readonly #clock: () => number;
  #port = 0;
  #count = 0;
  #frozen = new Set<WebSocket>();
  #lines: WebSocket[] = [];
  readonly workspace = new Workspace();
  readonly deliveries: Delivery[] = [];
  /** Methods that were asked for, in order. */
  readonly calls: string[] = [];
  /** What the app's token allows, as Slack says with each answer. */
  scopes = SCOPES;
  /** Tokens that Slack takes. */
  botToken = BOT_TOKEN;
  appToken = APP_TOKEN;
  /** Where the person's reverse proxy passes Slack's calls on to; 0 for socket mode. */
  proxyTo = 0;
  /** Until an event is tried again that nobody has acknowledged, milliseconds. */
  retry = 3_000;
  /** Everything is sent twice. */
  twice = false;
  /** Nothing is sent: Slack gave up, or the machine was off for hours. */
  muted = false;
  /** Acknowledgements that came on another line than the event. */
  strays = 0;
  /** Lines that were ever greeted. */
  greeted = 0;
  /** Programs that are connected besides. */
  others = 0;
  /** What was acknowledged of what no test sent as an event. */
  readonly unasked: string[] = [];
  /** Where it says that its socket is; null for the truth. */
  socketAt: string | null = null;
  #unwelcoming = 0;

  /** @param clock the time by which calls are signed @param speed how much faster than in life time passes for who asks */
  constructor(clock: () => number = Date.now, speed = 1) {
    this.#clock = clock;
    this.#speed = speed;
    this.workspace.onEvent = (event) => void this.event(event);
    this.#server.on("upgrade", (request, socket, head) => {
      if (!request.url?.startsWith("/link/?ticket=")) return void socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (line) => this.#greet(line));
    });
  }

  get root(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Connections of the app that are open. */
  get lines(): number {
    return this.#lines.length;
  }

  /** Listens; after `down` on the same port again. */
  up(): Promise<void> {
    return new Promise((resolve) =>
      this.#server.listen(this.#port, "127.0.0.1", () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      }),
    );
  }

  /** Refuses connections, as a machine that is off. */
  down(): Promise<void> {
    this.drop();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async close(): Promise<void> {
    this.muted = true;
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.listening) await this.down();
  }

  /** The next request of this method meets the fault; several are met one after the other. */
  fault(method: string, fault: Fault): void {
    this.#faults.push({ method, fault });
  }

  /** Cuts all connections of the app. */
  drop(): void {
    for (const line of this.#lines) line.terminate();
  }

  /** From now on the open connections are dead at this end, and make no sound. */
  freeze(): void {
    for (const line of this.#lines) {
      this.#frozen.add(line);
      line.pause();
    }
  }

  /** Tells the app to connect anew, and ends the connections a little later. */
  disconnect(reason: string): void {
    for (const line of this.#lines) {
      line.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "emulator" } }));
      this.#later(WARNING, () => line.terminate());
    }
  }

  /** So many connections to come are not greeted. */
  mute(count: number): void {
    this.#unwelcoming = count;
  }

  /** Sends something as it is. */
  raw(...frames: (string | Buffer)[]): void {
    for (const line of this.#lines) for (const frame of frames) line.send(frame, { binary: typeof frame !== "string" });
  }

  /** What Slack never delivered it does not try any more. */
  forget(): void {
    this.deliveries.length = 0;
  }

  /** Sends an event as the Events API has it. */
  event(event: Record<string, unknown>, more: Record<string, unknown> = {}): Delivery | null {
    const callback = {
      ...{ type: "event_callback", team_id: TEAM, api_app_id: "A0APP", event_id: `Ev${this.#count}`, event },
      ...{
        event_time: Math.floor(Date.now() / 1_000),
        authorizations: [{ team_id: TEAM, user_id: BOT.id, is_bot: true }],
      },
    };
    return this.send("events_api", { ...callback, ...more });
  }

  send(type: Delivery["type"], payload: Record<string, unknown>): Delivery | null {
    if (this.muted) return null;
    this.#count += 1;
    const delivery: Delivery = {
      id: `envelope-${this.#count}`,
      type,
      payload,
      tries: 0,
      taken: false,
      sentOn: new Set(),
    };
    this.deliveries.push(delivery);
    this.#deliver(delivery);
    return delivery;
  }

  /** What a signed call carries. */
  signed(body: string, at = this.#clock(), secret = SIGNING_SECRET): Record<string, string> {
    const time = String(Math.floor(at / 1_000));
    const signature = createHmac("sha256", secret).update(`v0:${time}:${body}`).digest("hex");
    return { "x-slack-request-timestamp": time, "x-slack-signature": `v0=${signature}` };
  }

  /** Calls the app. @returns the HTTP status; 0 where nobody answered */
  call(type: Delivery["type"], payload: Record<string, unknown>): Promise<number> {
    const json = JSON.stringify(payload);
    const form = type === "interactive";
    const body = form ? new URLSearchParams({ payload: json }).toString() : json;
    const headers = {
      "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
      ...this.signed(body),
    };
    return fetch(`http://127.0.0.1:${this.proxyTo}/slack`, { method: "POST", headers, body }).then(
      ({ status }) => status,
      () => 0,
    );
  }

  #deliver(delivery: Delivery): void {
    if (delivery.taken || this.muted || !this.deliveries.includes(delivery)) return;
    const again =
      delivery.tries > 0 ? { retry_attempt: delivery.tries, retry_reason: "timeout" } : { retry_attempt: 0 };
    if (this.proxyTo > 0) {
      delivery.tries += 1;
      void this.call(delivery.type, delivery.payload).then((status) => {
        if (status === 200) delivery.taken = true;
        else this.#later(this.retry, () => this.#deliver(delivery));
      });
      return;
    }
    const line = this.#lines.at(-1);
    this.#later(this.retry, () => this.#deliver(delivery));
    if (!line || this.#frozen.has(line)) return;
    delivery.tries += 1;
    delivery.sentOn.add(line);
    const { id, type, payload } = delivery;
    const envelope = { envelope_id: id, type, payload, accepts_response_payload: type === "interactive", ...again };
    for (let count = this.twice ? 2 : 1; count > 0; count--) line.send(JSON.stringify(envelope));
  }

  #greet(line: WebSocket): void {
    if (this.#unwelcoming > 0) {
      this.#unwelcoming -= 1;
      return;
    }
    this.greeted += 1;
    this.#lines.push(line);
    line.on("close", () => {
      this.#lines = this.#lines.filter((one) => one !== line);
    });
    line.on("message", (data) => {
      const { envelope_id: id } = JSON.parse(String(data)) as { envelope_id: string };
      const delivery = this.deliveries.find((one) => one.id === id);
      if (!delivery) return void this.unasked.push(id);
      if (!delivery.sentOn.has(line)) this.strays += 1;
      delivery.taken = true;
    });
    const connections = this.#lines.length + this.others;
    line.send(JSON.stringify({ type: "hello", num_connections: connections, connection_info: { app_id: "A0APP" } }));
    for (const delivery of this.deliveries) if (!delivery.taken) this.#deliver(delivery);
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms / this.#speed);
    this.#timers.add(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", this.root);
    const [, kind, rest = ""] = /^\/(api|upload\/v1|files-pri)\/(.+)$/.exec(pathname) ?? [];
    const body = await bytesOf(request);
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    if (kind === "upload/v1") return void response.writeHead(this.workspace.upload(rest, body) ? 200 : 404).end("OK");
    if (kind === "files-pri") return this.#download(rest, token, response);
    if (kind !== "api") return void response.writeHead(404).end();
    this.calls.push(rest);
    const index = this.#faults.findIndex(({ method }) => method === rest || method === "*");
    const fault = index === -1 ? null : this.#faults.splice(index, 1)[0]?.fault;
    if (fault?.kind === "silent") return;
    if (fault?.kind === "status") {
      const { status, headers, page = "<h1>" } = fault;
      return void response.writeHead(status, { "content-type": "text/html", ...headers }).end(page);
    }
    let answer: Record<string, unknown>;
    try {
      if (fault?.kind === "refuse") throw new Refusal(fault.code, fault.more);
      answer = { ok: true, ...this.#carryOut(rest, token, Object.fromEntries(new URLSearchParams(body.toString()))) };
    } catch (error) {
      const { message, more = {} } = error as Refusal;
      answer = { ok: false, error: message, ...more };
    }
    if (fault?.kind === "lost") return void response.destroy();
    response
      // Each request has a connection of its own: one that is kept could end under a request just when we go down.
      .writeHead(200, {
        ...{ "content-type": "application/json", connection: "close" },
        "x-oauth-scopes": this.scopes.join(","),
      })
      .end(JSON.stringify(answer));
  }

  #carryOut(method: string, token: string, fields: Record<string, unknown>): Record<string, unknown> {
    const wanted = method === "apps.connections.open" ? this.appToken : this.botToken;
    if (token !== wanted) {
      const known = [this.appToken, this.botToken].includes(token);
      throw new Refusal(known ? "not_allowed_token_type" : "invalid_auth");
    }
    if (method === "apps.connections.open") {
      return { url: this.socketAt ?? `ws://127.0.0.1:${this.#port}/link/?ticket=${this.calls.length}&app_id=A0APP` };
    }
    if (method === "auth.test") {
      return { user_id: BOT.id, user: BOT.name, team_id: TEAM, team: "Nano's home", bot_id: "B0BOT" };
    }
    return this.workspace.carryOut(method, fields, this.root);
  }

  #download(path: string, token: string, response: ServerResponse): void {
    const file = this.workspace.bytesOf(path.split("/")[0] ?? "");
    if (token !== this.botToken || !this.scopes.includes("files:read")) {
      return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<h1>Sign in</h1>");
    }
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": file.mimetype }).end(file.bytes);
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
