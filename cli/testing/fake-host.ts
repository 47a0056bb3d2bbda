/** A small host for tests of the clients: the real wire (HTTP on a Unix socket), a log in memory, a scripted agent. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { ChatEvent } from "../../api/results.ts";

type Message = Extract<ChatEvent, { type: "message" }>;
type Args = Record<string, unknown>;

export class VerbFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class FakeHost {
  /** Give it to the client as NANOCLAW_RUN and NANOCLAW_DATA. */
  readonly run = mkdtempSync(join(tmpdir(), "ncl-"));
  readonly socketPath = join(this.run, "control.sock");
  /** Every verb that was called, in order. */
  readonly calls: { verb: string; args: Args }[] = [];
  readonly log: (Message & { chat: string })[] = [];
  /** Verbs with an answer of their own; throws VerbFailure to refuse. */
  readonly verbs: Record<string, (args: Args) => unknown> = {
    "chat.send": (args) => this.#send(args),
    "chat.stop": () => ({ stopped: true }),
  };
  /** What the agent does about a message. */
  agent: (n: number, text: string, chat: string) => void = (n, text, chat) =>
    this.reply(`You said: ${text}`, [n], chat);
  readonly #keys = new Map<unknown, number>();
  readonly #followers = new Map<ServerResponse, unknown>();
  #server: Server | null = null;

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
  }

  /** Cuts every connection, as a killed host does; the log stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#followers.clear();
    await new Promise<void>((resolve) => {
      if (!server) return resolve();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.run, { recursive: true, force: true });
  }

  reply(text: string, answers: number[] = [], chat = "main", author: Message["author"] = "agent"): Message {
    const from = author === "agent" ? "Nano" : author === "system" ? "NanoClaw" : "Person";
    const n = (this.log.at(-1)?.n ?? 0) + 3;
    const message: Message = { type: "message", n, from, author, text, at: 0, answers };
    this.log.push({ ...message, chat });
    this.tell(chat, message);
    return message;
  }

  tell(chat: string, event: ChatEvent): void {
    for (const [response, followed] of this.#followers) if (followed === chat) write(response, event);
  }

  get followers(): number {
    return this.#followers.size;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verb = (request.url ?? "").replace("/v1/verbs/", "");
    try {
      const args = (await json(request)) as Args;
      this.calls.push({ verb, args });
      if (verb === "chat.follow") return this.#follow(args, response);
      const effect = this.verbs[verb];
      if (!effect) throw new VerbFailure("unknown_verb", `there is no verb ${verb}`);
      response.end(JSON.stringify({ ok: true, result: await effect(args) }));
    } catch (error) {
      const { code = "failed", message } = error as VerbFailure;
      response.statusCode = 400;
      response.end(JSON.stringify({ ok: false, error: { code, message, hint: "try otherwise" } }));
    }
  }

  #send({ chat = "main", text, key }: Args): { n: number; status: string } {
    const known = this.#keys.get(key);
    if (known !== undefined) return { n: known, status: "duplicate" };
    const { n } = this.reply(String(text), [], String(chat), "person");
    this.#keys.set(key, n);
    setImmediate(() => this.agent(n, String(text), String(chat)));
    return { n, status: "accepted" };
  }

  #follow({ chat = "main", after, tail }: Args, response: ServerResponse): void {
    const log = this.log.filter((message) => message.chat === chat && message.n > Number(after ?? 0));
    for (const { chat: _, ...message } of after === undefined ? log.slice(-Number(tail)) : log)
      write(response, message);
    write(response, { type: "idle" });
    this.#followers.set(response, chat);
    response.on("close", () => this.#followers.delete(response));
  }
}

const write = (response: ServerResponse, event: ChatEvent) => void response.write(`${JSON.stringify(event)}\n`);
