/**
 * Lets Slack call us: a listener on loopback, behind the person's own reverse proxy. What comes too fast or is too large
 * is turned away before it is looked at, what does not carry Slack's signature of just now before it is understood. Slack
 * has its answer only once an event is taken; else it sends it again.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { z } from "zod";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Way } from "./connection.ts";

const MOST_BYTES = 1_000_000;
const READ_LIMIT = 10_000;
const MOST_CONNECTIONS = 200;
/** Calls that are read: so many at once, and so many a second. Slack sends at most 30,000 events an hour. */
const BURST = 300;
const PER_SECOND = 30;
/** A signature is good for so long, milliseconds, as Slack recommends; within that, once. */
const SIGNED_FOR = 5 * 60_000;
/** Calls that are known to be answered. */
const MOST_SEEN = 20_000;
/** How often nothing is looked after. */
const LOOK_PAUSE = 60 * 60_000;

export interface WebhookParts {
  clock: Clock;
  /** Resolves once Slack may hear that it is taken; rejects where it is to come again. */
  take(kind: "event" | "interaction", payload: unknown): Promise<void>;
}

const challengeSchema = z.object({ type: z.literal("url_verification"), challenge: z.string().max(500) });

/** A signed call: what is in it, or why it is none. */
export type Verdict = { good: true; signature: string; signedAt: number } | { good: false; why: string };

/** Whether a body carries the signature that Slack makes of it and of the time, and that time is now. Pure. */
export function verify(secret: string, headers: IncomingHttpHeaders, body: Buffer, now: number): Verdict {
  const time = String(headers["x-slack-request-timestamp"] ?? "");
  const given = Buffer.from(String(headers["x-slack-signature"] ?? ""));
  if (!/^\d{1,12}$/.test(time)) return { good: false, why: "it has no time" };
  const signedAt = Number(time) * 1_000;
  if (Math.abs(now - signedAt) > SIGNED_FOR) return { good: false, why: "it was signed at another time" };
  const signature = `v0=${createHmac("sha256", secret).update(`v0:${time}:`).update(body).digest("hex")}`;
  const wanted = Buffer.from(signature);
  const same = given.length === wanted.length && timingSafeEqual(given, wanted);
  return same ? { good: true, signature, signedAt } : { good: false, why: "its signature is not Slack's" };
}

export class Webhook implements Way {
  readonly #parts: WebhookParts;
  readonly #secret: string;
  readonly #port: number;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  readonly #pending = new Set<Promise<void>>();
  /** Calls by their signature, oldest first: whoever repeats one gets the answer of the first. */
  readonly #seen = new Map<string, { at: number; taken: Promise<void> }>();
  #connected = false;
  #closing = false;
  #left = BURST;
  #refilledAt: number;

  constructor(parts: WebhookParts, signingSecret: string, port: number) {
    this.#parts = parts;
    this.#secret = signingSecret;
    this.#port = port;
    this.#refilledAt = parts.clock.now();
    this.#server.requestTimeout = READ_LIMIT;
    this.#server.headersTimeout = READ_LIMIT;
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /** @throws Misuse where the port can't be had */
  async connect(): Promise<void> {
    if (!this.#server.listening) await this.#listen();
    this.#connected = true;
  }

  async round(): Promise<number> {
    return LOOK_PAUSE;
  }

  remark(): string {
    return `Slack is to call 127.0.0.1:${this.#port}; whether it does can't be seen from here`;
  }

  async close(): Promise<void> {
    this.#closing = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #listen(): Promise<void> {
    const port = this.#port;
    return new Promise((resolve, reject) => {
      const refused = (error: Error) =>
        reject(new Misuse(`nothing can listen on 127.0.0.1:${port} (${messageOf(error)})`, "Choose another port."));
      this.#server.once("error", refused);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", refused);
        resolve();
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, text = "") => {
      response.writeHead(status, { connection: "close", "content-type": "text/plain; charset=utf-8" }).end(text);
    };
    if (!this.#hasRoom()) return end(429);
    if (request.method !== "POST") return end(405);
    if (!this.#connected || this.#closing) return end(503);
    const body = await bodyOf(request).catch(() => null);
    if (body === null) return end(413);
    const verdict = verify(this.#secret, request.headers, body, this.#parts.clock.now());
    if (!verdict.good) return end(401);
    const asked = contentOf(request.headers["content-type"] ?? "", body.toString());
    if (asked === null) return end(400);
    const challenge = challengeSchema.safeParse(asked.payload);
    if (challenge.success) return end(200, challenge.data.challenge);
    const answered = this.#taken(verdict, asked)
      .then(
        () => end(200),
        () => end(503),
      )
      .then(() => void this.#pending.delete(answered));
    this.#pending.add(answered);
  }

  /** Takes a call, once for each signature. */
  #taken({ signature, signedAt }: Verdict & { good: true }, { kind, payload }: Content): Promise<void> {
    const known = this.#seen.get(signature);
    if (known) return known.taken;
    const taken = this.#parts.take(kind, payload);
    this.#seen.set(signature, { at: signedAt, taken });
    // What was not taken may come again as it is.
    taken.catch(() => this.#seen.delete(signature));
    const now = this.#parts.clock.now();
    for (const [other, { at }] of this.#seen) {
      if (now - at <= SIGNED_FOR && this.#seen.size <= MOST_SEEN) break;
      this.#seen.delete(other);
    }
    return taken;
  }

  /** A bucket that is filled by the second. */
  #hasRoom(): boolean {
    const now = this.#parts.clock.now();
    const gained = (Math.max(0, now - this.#refilledAt) / 1_000) * PER_SECOND;
    this.#left = Math.min(BURST, this.#left + gained);
    this.#refilledAt = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** @throws Error where it is too large or does not come to its end */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_BYTES) throw new Error("too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

interface Content {
  kind: "event" | "interaction";
  payload: unknown;
}

/** Events come as JSON, what people press as a form with JSON in it; null for what is neither. */
function contentOf(type: string, text: string): Content | null {
  const form = type.startsWith("application/x-www-form-urlencoded");
  const json = form ? new URLSearchParams(text).get("payload") : text;
  // Commands and checks of the address are forms too, and have nothing for us.
  if (json === null) return { kind: "interaction", payload: null };
  try {
    return { kind: form ? "interaction" : "event", payload: JSON.parse(json) };
  } catch {
    return null;
  }
}
