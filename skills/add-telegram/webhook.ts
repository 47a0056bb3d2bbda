/**
 * Lets Telegram call us: a listener on loopback, behind the person's own reverse proxy. What does not carry our secret is
 * turned away unread. Telegram has its answer only once the update is taken; else it sends it again.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import { type ConnectionParts, Trouble, type Way } from "./connection.ts";
import type { BotIdentity } from "./incoming.ts";
import { ALLOWED_UPDATES } from "./updates.ts";

/** Telegram's header for the secret that it was given with the address. */
const SECRET_HEADER = "x-telegram-bot-api-secret-token";
const MOST_BYTES = 1_000_000;
const READ_LIMIT = 10_000;
/** How often we ask whether Telegram reaches us, milliseconds. It is only the net: a broken proxy makes no sound. */
const LOOK_PAUSE = 5 * 60_000;

export interface WebhookAddress {
  /** What Telegram calls: the proxy's address. */
  url: string;
  /** Where the proxy passes it on to, on this machine. */
  port: number;
}

export class Webhook implements Way {
  readonly #parts: ConnectionParts;
  readonly #address: WebhookAddress;
  readonly #secret: string;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  #bot: BotIdentity | null = null;
  #closing = false;
  /** Updates are taken one after the other. Never rejects. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ConnectionParts, address: WebhookAddress) {
    this.#parts = parts;
    this.#address = address;
    this.#secret = parts.memory.get("webhook.secret") ?? parts.random.token(48);
    parts.memory.set("webhook.secret", this.#secret);
    this.#server.requestTimeout = READ_LIMIT;
  }

  async connect(bot: BotIdentity, stop: AbortSignal): Promise<void> {
    const { api } = this.#parts;
    this.#bot = bot;
    if (!this.#server.listening) await this.#listen();
    const wanted = {
      url: this.#address.url,
      secret_token: this.#secret,
      allowed_updates: ALLOWED_UPDATES,
      // One at a time, so that their order is kept.
      max_connections: 1,
    };
    await api.call((raw, signal) => raw.setWebhook(wanted, signal), undefined, stop);
  }

  /** Asks whether Telegram reaches us; if another program took the address away, it is given again. */
  async round(bot: BotIdentity, stop: AbortSignal): Promise<number> {
    const { api, clock } = this.#parts;
    const info = await api.call((raw, signal) => raw.getWebhookInfo(signal), undefined, stop);
    if (info.url !== this.#address.url) await this.connect(bot, stop);
    const failedAt = (info.last_error_date ?? 0) * 1000;
    if (info.pending_update_count > 0 && clock.now() - failedAt < LOOK_PAUSE) {
      throw new Trouble(
        `Telegram can't deliver to ${this.#address.url}: ${info.last_error_message ?? "no reason given"}. Look at the reverse proxy: it must pass requests on to 127.0.0.1:${this.#address.port}.`,
      );
    }
    return LOOK_PAUSE;
  }

  /** The address stays with Telegram, which keeps what comes until we are back. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#last;
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  #listen(): Promise<void> {
    const { port } = this.#address;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) =>
        reject(new Misuse(`nothing can listen on 127.0.0.1:${port} (${messageOf(error)})`, "Choose another port.")),
      );
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number) => response.writeHead(status, { connection: "close" }).end();
    const bot = this.#bot;
    if (request.method !== "POST" || !this.#isTelegram(request)) return void end(403);
    if (this.#closing || !bot) return void end(503);
    const update = await readJson(request).catch(() => null);
    if (update === null) return void end(400);
    const taken = this.#last.then(() => {
      if (this.#closing) throw new Error("it is stopping");
      return this.#parts.take(update, bot);
    });
    this.#last = taken.catch((error) =>
      this.#parts.log.warn({ error: messageOf(error) }, "an update could not be taken; Telegram sends it again"),
    );
    await taken.then(
      () => end(200),
      () => end(503),
    );
  }

  #isTelegram(request: IncomingMessage): boolean {
    const given = Buffer.from(String(request.headers[SECRET_HEADER] ?? ""));
    const wanted = Buffer.from(this.#secret);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_BYTES) throw new Error("too large");
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
