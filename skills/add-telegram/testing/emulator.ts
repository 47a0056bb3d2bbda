/**
 * A Bot API server on loopback for tests, with the people who write to the bot and the ways in which Telegram fails.
 * It is ours, written from Telegram's published Bot API: it proves that we do what we read there, not what Telegram does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type BotRequest, readRequest } from "./request.ts";
import { type Chat, Refusal, Screen, seconds } from "./screen.ts";

export const BOT = { id: 4242, is_bot: true, first_name: "Nano", username: "nano_bot" };
export const ANN = { id: 77, is_bot: false, first_name: "Ann", last_name: "Example" };
/** Put together here, so that no file holds what looks like a token. */
export const TOKEN = `${BOT.id}:${"t".repeat(35)}`;

/** What happens to the next request of a method. `lost` is carried out, and its answer never comes. */
export type Fault =
  | { kind: "answer"; code: number; description: string; parameters?: object }
  | { kind: "page"; status: number }
  | { kind: "lost" }
  | { kind: "silent" };

export class Emulator {
  readonly #server: Server = createServer((request, response) => void this.#handle(request, response));
  readonly #files = new Map<string, Buffer>();
  readonly #faults: { method: string; fault: Fault }[] = [];
  readonly #speed: number;
  #port = 0;
  #updates: { update_id: number; [kind: string]: unknown }[] = [];
  #nextUpdate = 1000;
  #wake: () => void = () => {};
  readonly screen = new Screen();
  /** Answers to presses, by the id of the press. */
  readonly answered = new Map<string, string>();
  /** Methods that were asked for, in order, without getUpdates. */
  readonly calls: string[] = [];
  /** Revoked: no request is allowed. */
  revoked = false;
  /** Updates with a lower number than this were acknowledged. */
  acknowledged = 0;
  reordered = false;
  /** Where the person's reverse proxy passes Telegram's calls on to. */
  proxyTo = 0;
  #webhook: { url: string; secret_token: string; error?: string } | null = null;
  #calling = false;

  /** @param speed how much faster than in life time passes for who asks. */
  constructor(speed = 1) {
    this.#speed = speed;
  }

  get root(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  get lastUpdate(): number {
    return this.#nextUpdate - 1;
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
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** The next request of this method meets the fault; several are met one after the other. */
  fault(method: string, fault: Fault): void {
    this.#faults.push({ method, fault });
    if (method === "getUpdates") this.#wake();
  }

  chat(chat: Chat): Chat {
    return this.screen.add(chat);
  }

  /** @returns the id of the message */
  say(chat: Chat, fields: Record<string, unknown>): number {
    const id = this.screen.count(chat.id);
    const from = fields.from ?? ANN;
    this.update({ message: { message_id: id, from, chat, date: seconds(), ...fields } });
    return id;
  }

  edit(chat: Chat, id: number, fields: Record<string, unknown>): void {
    this.update({
      edited_message: { message_id: id, from: ANN, chat, date: seconds(), edit_date: seconds(), ...fields },
    });
  }

  /** @returns the id of the press, under which its answer will be found */
  press(chat: Chat, messageId: number, data: string): string {
    const id = `press-${this.#nextUpdate}`;
    const message = { message_id: messageId, chat, from: BOT, date: seconds() };
    this.update({ callback_query: { id, from: ANN, chat_instance: "1", message, data } });
    return id;
  }

  /** Makes a supergroup of a group, as Telegram tells it. */
  upgrade(chat: Chat, id: number): Chat {
    const now = this.upgradeSilently(chat, id);
    this.say(chat, { migrate_to_chat_id: id });
    this.say(now, { migrate_from_chat_id: chat.id });
    return now;
  }

  /** The same, with the notices still under way. */
  upgradeSilently(chat: Chat, id: number): Chat {
    this.screen.move(chat.id, id);
    return this.chat({ ...chat, id, type: "supergroup" });
  }

  /** Puts bytes where `getFile` finds them. @returns the file's id */
  file(bytes: Buffer): string {
    const id = `file-${this.#files.size}`;
    this.#files.set(id, bytes);
    return id;
  }

  /** @returns the number of the update */
  update(fields: Record<string, unknown>): number {
    const id = this.#nextUpdate++;
    this.#updates.push({ update_id: id, ...fields });
    this.#wake();
    void this.#callHook();
    return id;
  }

  /** Sends what is there to the webhook, one after the other, each until it is taken. */
  async #callHook(): Promise<void> {
    if (this.#calling) return;
    this.#calling = true;
    while (this.#webhook && this.#updates[0] && this.#server.listening) {
      const [update] = this.#updates;
      const headers = { "x-telegram-bot-api-secret-token": this.#webhook.secret_token };
      const body = JSON.stringify(update);
      const status = await fetch(`http://127.0.0.1:${this.proxyTo}/`, { method: "POST", headers, body }).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) {
        this.#updates.shift();
        this.acknowledged = update.update_id + 1;
      } else {
        if (this.#webhook)
          this.#webhook.error = status ? `Wrong response from the webhook: ${status}` : "Connection refused";
        await new Promise((resolve) => setTimeout(resolve, 1000 / this.#speed));
      }
    }
    this.#calling = false;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, kind, token, method = ""] = /^\/(bot|file\/bot)([^/]+)\/(.+)$/.exec(request.url ?? "") ?? [];
    const input = await readRequest(request);
    if (token !== TOKEN || this.revoked) return answer(response, new Refusal(401, "Unauthorized"));
    if (kind !== "bot") return this.#download(method, response);
    if (method === "getUpdates") await this.#hold(input, response);
    else this.calls.push(method);
    const index = this.#faults.findIndex((planned) => planned.method === method || planned.method === "*");
    const fault = index === -1 ? null : this.#faults.splice(index, 1)[0]?.fault;
    if (fault?.kind === "silent") return;
    if (fault?.kind === "page")
      return void response.writeHead(fault.status, { "content-type": "text/html" }).end("<h1>");
    if (fault?.kind === "answer") {
      return answer(response, new Refusal(fault.code, fault.description, fault.parameters));
    }
    let result: unknown;
    try {
      result = this.#carryOut(method, input);
    } catch (error) {
      result = error instanceof Refusal ? error : new Refusal(400, (error as Error).message);
    }
    if (fault?.kind === "lost") response.destroy();
    else answer(response, result);
  }

  #download(path: string, response: ServerResponse): void {
    const bytes = this.#files.get(path.split("/").at(-1) ?? "");
    if (bytes) response.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes);
    else response.writeHead(404).end();
  }

  /** Long polling: waits for an update, a fault, or the end of the time. */
  #hold({ fields }: BotRequest, response: ServerResponse): Promise<void> {
    const offset = Number(fields.offset ?? 0);
    if (offset > 0) {
      this.acknowledged = Math.max(this.acknowledged, offset);
      this.#updates = this.#updates.filter(({ update_id }) => update_id >= offset);
    }
    const faulty = this.#faults.some(({ method }) => method === "getUpdates");
    if (this.#updates.length > 0 || faulty) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, (Number(fields.timeout ?? 0) * 1000) / this.#speed);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      response.once("close", this.#wake);
    });
  }

  #carryOut(method: string, input: BotRequest): unknown {
    const { fields } = input;
    if (method === "getMe") return { ...BOT, can_join_groups: true, can_read_all_group_messages: false };
    if (method === "deleteWebhook") return this.#setHook(null);
    if (method === "setWebhook")
      return this.#setHook({ url: String(fields.url), secret_token: String(fields.secret_token) });
    if (method === "getWebhookInfo") {
      const error = this.#webhook?.error;
      const failure = error ? { last_error_date: seconds(), last_error_message: error } : {};
      return { url: this.#webhook?.url ?? "", pending_update_count: this.#updates.length, ...failure };
    }
    if (method === "getUpdates") {
      const allowed = (fields.allowed_updates ?? []) as string[];
      const batch = this.#updates.filter((update) => allowed.some((kind) => kind in update)).slice(0, 100);
      return this.reordered ? batch.toReversed() : batch;
    }
    if (method === "answerCallbackQuery") {
      this.answered.set(String(fields.callback_query_id), String(fields.text ?? ""));
      return true;
    }
    if (method === "getFile") return this.#describe(String(fields.file_id));
    return this.screen.carryOut(method, input);
  }

  #setHook(webhook: { url: string; secret_token: string } | null): true {
    this.#webhook = webhook;
    void this.#callHook();
    return true;
  }

  #describe(id: string): unknown {
    const bytes = this.#files.get(id);
    if (!bytes) throw new Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable");
    if (bytes.length > 20 * 1024 * 1024) throw new Refusal(400, "Bad Request: file is too big");
    return { file_id: id, file_unique_id: id, file_size: bytes.length, file_path: `documents/${id}` };
  }
}

function answer(response: ServerResponse, result: unknown): void {
  const body =
    result instanceof Refusal
      ? { ok: false, error_code: result.code, description: result.message, parameters: result.parameters }
      : { ok: true, result };
  const status = result instanceof Refusal ? result.code : 200;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
