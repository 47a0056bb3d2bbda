/** One WebSocket of Slack's socket mode: what comes is handed on, and what was taken is acknowledged on the same line. */
import { globalAgent as httpAgent } from "node:http";
import { globalAgent as httpsAgent } from "node:https";
import { WebSocket } from "ws";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { envelopeSchema } from "./events.ts";

/** Until Slack greets us, between two signs of life that we ask for, and until a silent line counts as dead, milliseconds. */
const HELLO_LIMIT = 20_000;
const PING_PAUSE = 15_000;
const SILENCE = 40_000;
/** After we said goodbye; Slack itself does not end the connection then. */
const GOODBYE = 1_000;
const MOST_BYTES = 16_000_000;

/** Why a line is no longer of use: Slack wants another in its place, or it is gone. */
export type End = { kind: "refresh" } | { kind: "gone"; why: string };

/** Something that Slack wants acknowledged. */
export interface Envelope {
  type: string;
  id: string;
  payload: unknown;
}

export interface LineParts {
  clock: Clock;
  /** Resolves once it may be acknowledged; rejects where it is to come again. */
  take(envelope: Envelope): Promise<void>;
}

export class SocketLine {
  readonly #parts: LineParts;
  readonly #socket: WebSocket;
  readonly #hello = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<End>();
  readonly #pending = new Set<Promise<void>>();
  #heardAt: number;
  #timer: Timer;
  #retired = false;
  /** How many lines the app has, this one included, as Slack said when it greeted us. */
  connections = 1;
  /** Resolves when it is no longer of use. */
  readonly ended: Promise<End> = this.#ended.promise;

  constructor(url: URL, parts: LineParts) {
    this.#parts = parts;
    this.#socket = new WebSocket(url, {
      // These keep to the proxy of the environment, where Node was told to.
      agent: url.protocol === "wss:" ? httpsAgent : httpAgent,
      maxPayload: MOST_BYTES,
      perMessageDeflate: false,
    });
    this.#heardAt = parts.clock.now();
    this.#timer = parts.clock.after(HELLO_LIMIT, () => this.#die("Slack did not greet us"));
    this.#hello.promise.catch(() => {});
    const alive = () => {
      this.#heardAt = parts.clock.now();
    };
    this.#socket.on("ping", alive).on("pong", alive);
    this.#socket.on("message", (data, binary) => {
      alive();
      if (!binary) this.#read(String(data));
    });
    this.#socket.on("error", (error) => this.#die(wordsOf(error)));
    this.#socket.on("close", (code) => this.#die(`the connection was closed (${code})`));
  }

  /** Resolves when Slack has greeted us. Rejects where that does not come to pass. */
  greeted(): Promise<void> {
    return this.#hello.promise;
  }

  /** Lets nothing more in, or does again: what Slack says meanwhile waits in the connection. */
  hold(held: boolean): void {
    if (held === this.#socket.isPaused) return;
    if (held) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Ends it once what is under way is acknowledged; what comes meanwhile is left to come again. */
  async retire(): Promise<void> {
    this.#retired = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
    this.#parts.clock.after(this.#socket.readyState === WebSocket.CLOSED ? 0 : GOODBYE, () =>
      this.#die("it was ended"),
    );
  }

  /** Ends it at once. */
  drop(): void {
    this.#die("it was dropped");
  }

  #read(text: string): void {
    const { data: envelope } = envelopeSchema.safeParse(parsed(text));
    if (!envelope) return;
    const { type, envelope_id: id, payload, reason, num_connections: connections } = envelope;
    if (type === "hello") {
      this.connections = connections ?? 1;
      this.#timer.cancel();
      this.#watch();
      this.#hello.resolve();
    } else if (type === "disconnect") {
      const refresh = reason === undefined || reason === "warning" || reason === "refresh_requested";
      this.#ended.resolve(refresh ? { kind: "refresh" } : { kind: "gone", why: reason });
    } else if (id !== undefined && !this.#retired) {
      this.#take({ type, id, payload });
    }
  }

  #take(envelope: Envelope): void {
    const taken = this.#parts
      .take(envelope)
      .then(() => this.#acknowledge(envelope.id))
      // It was not acknowledged, so it comes again.
      .catch(() => {})
      .then(() => void this.#pending.delete(taken));
    this.#pending.add(taken);
  }

  #acknowledge(id: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ envelope_id: id }));
  }

  /** Asks for a sign of life now and then: a connection that is dead at its other end makes no sound. */
  #watch(): void {
    const { clock } = this.#parts;
    // While nothing is let in, no sign can be heard either.
    if (this.#socket.isPaused) this.#heardAt = clock.now();
    if (clock.now() - this.#heardAt > SILENCE) {
      this.#die("the connection is dead");
      return;
    }
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
    this.#timer = clock.after(PING_PAUSE, () => this.#watch());
  }

  #die(why: string): void {
    this.#timer.cancel();
    this.#socket.terminate();
    this.#hello.reject(new Error(why));
    this.#ended.resolve({ kind: "gone", why });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The address holds a ticket, which no error is to repeat. */
const wordsOf = (error: Error) => {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : error.message.slice(0, 100).replace(/wss?:\S+/g, "its address");
};
