/** The host's side of one session, as far as a runner's test needs it: mailbox, bell and the way to a model. */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { request as ask, createServer } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Layout } from "../../../container/runner/app.ts";
import type { Message } from "../../../container/runner/prompt.ts";
import type { RunnerConfig } from "../../../protocol/config.ts";
import { readMailbox } from "../../../protocol/mailbox/read.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { type InboundBody, type OutboundRow, outboundBody, type Progress } from "../../../protocol/rows.ts";
import { BELL_PATH, MODEL_PREFIX } from "../../../protocol/session-socket.ts";
import { message } from "./message.ts";

export interface Door {
  ring(): void;
  close(): Promise<void>;
}

/**
 * A session socket with a bell and, where `modelUrl` is given, a plain way to the model.
 * @param answer sent instead of the 101 to one who asks for the bell
 */
export async function openDoor(
  path: string,
  onRing: (bytes: number) => void,
  answer?: string,
  modelUrl?: string,
): Promise<Door> {
  const bells = new Set<Socket>();
  const server = createServer((asked, answered) => {
    if (!modelUrl || !asked.url?.startsWith(MODEL_PREFIX)) return void answered.writeHead(403).end();
    const { method, headers } = asked;
    const forwarded = ask(new URL(asked.url, modelUrl), { method: method ?? "GET", headers }, (from) => {
      answered.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answered);
    });
    forwarded.on("error", () => answered.destroy());
    asked.pipe(forwarded);
  });
  server.on("upgrade", (asked, socket: Socket) => {
    socket.on("error", () => {});
    if (answer !== undefined || asked.url !== BELL_PATH)
      return void socket.end(answer ?? "HTTP/1.1 404 Not Found\r\n\r\n");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nanoclaw-bell\r\n\r\n");
    bells.add(socket);
    socket.on("close", () => bells.delete(socket));
    socket.on("data", (bytes: Buffer) => onRing(bytes.length));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    ring() {
      for (const bell of bells) bell.write(Buffer.from([1]));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const bell of bells) bell.destroy();
        rmSync(path, { force: true });
      }),
  };
}

/** One session as the host has it on disk. */
export class TestHost {
  readonly layout: Layout;
  readonly rows: OutboundRow[] = [];
  readonly progress: Progress[] = [];
  readonly #writer: MailboxWriter;
  readonly #modelUrl: string | undefined;
  #door: Door | null = null;
  #next = 2;
  #heard: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(folder: string, config: Partial<RunnerConfig> = {}, modelUrl?: string) {
    const path = (name: string) => join(folder, name);
    this.layout = {
      inboundDb: path("inbound.db"),
      outboundDb: path("outbound.db"),
      socket: path("session.sock"),
      config: path("config.json"),
      instructions: path("instructions.md"),
      providerState: path("provider"),
      workspace: path("workspace"),
      proxyPort: 0,
    };
    this.#modelUrl = modelUrl;
    for (const made of [this.layout.providerState, this.layout.workspace]) mkdirSync(made, { recursive: true });
    for (const file of [this.layout.outboundDb, `${this.layout.outboundDb}-journal`]) closeSync(openSync(file, "a"));
    writeFileSync(this.layout.instructions, "You help.");
    this.configure(config);
    this.#writer = MailboxWriter.open(this.layout.inboundDb);
  }

  configure(config: Partial<RunnerConfig>): void {
    const usual: RunnerConfig = {
      provider: "null",
      model: null,
      assistantName: "Test",
      timeZone: "UTC",
      mcpServers: {},
      continuation: null,
      outboundCursor: 0,
      modelRetries: 0,
      budgets: { model: 60_000, tool: 60_000, turn: 120_000 },
      tools: [],
    };
    writeFileSync(this.layout.config, JSON.stringify({ ...usual, ...config }));
  }

  async open(): Promise<void> {
    this.#door = await openDoor(this.layout.socket, () => this.look(), undefined, this.#modelUrl);
  }

  /** Closes the door, as a host that ends. */
  async close(): Promise<void> {
    await this.#door?.close();
    this.#door = null;
  }

  /** Writes a message and rings. @returns its number. */
  say(text: string, more: Partial<Message> = {}): number {
    return this.put(message(text, { at: new Date().toISOString(), ...more }));
  }

  put(body: InboundBody, ring = true): number {
    const n = this.#next;
    this.#next += 2;
    this.#writer.commit({ put: [{ n, body }] });
    if (ring) this.#door?.ring();
    return n;
  }

  /** Takes what the runner wrote; settles what it acknowledged. */
  look(): void {
    const { outboundDb } = this.layout;
    const after = this.rows.at(-1)?.n ?? 0;
    const options = { after, limit: 128, schema: outboundBody, attempts: 50 };
    const read = readMailbox({ db: outboundDb, journal: `${outboundDb}-journal` }, options);
    if (read.status !== "ok") return;
    if (read.refused.length > 0) throw new Error(`refused: ${JSON.stringify(read.refused)}`);
    this.rows.push(...read.rows);
    if (read.state.progress) this.progress.push(JSON.parse(read.state.progress));
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  /** Tells the runner how far its rows were taken and takes finished messages away. */
  settle(): void {
    const numbers = this.rows.flatMap(({ body }) => (body.kind === "turn_ended" ? body.acknowledges : []));
    this.#writer.commit({ remove: { numbers }, state: { acked: String(this.rows.at(-1)?.n ?? 0) } });
    this.#door?.ring();
  }

  /** Bodies of the rows of one kind so far. */
  all<K extends OutboundRow["body"]["kind"]>(kind: K): Extract<OutboundRow["body"], { kind: K }>[] {
    return this.rows.flatMap(({ body }) => (body.kind === kind ? [body as never] : []));
  }

  /** Waits until there are `count` rows of a kind; returns them. */
  async until<K extends OutboundRow["body"]["kind"]>(kind: K, count = 1, ms = 15_000) {
    for (const deadline = Date.now() + ms; this.all(kind).length < count; ) {
      if (Date.now() > deadline) throw new Error(`no ${count} "${kind}" came, only ${JSON.stringify(this.rows)}`);
      await Promise.race([this.#heard.promise, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    return this.all(kind);
  }
}
