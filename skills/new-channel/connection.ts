/**
 * Keeps the line to the platform up: connects, and after a failure tries again by itself, ever more slowly. What comes in
 * is taken in order, and the platform is told so only after the host has it; what it was not told comes again.
 */
import { createConnection, type Socket } from "node:net";
import type { ChannelParts, Health } from "../../src/channels/channel.ts";
import { inTime, sleep, type Timer } from "../../src/lib/clock.ts";
import { Misuse, messageOf, Rejected, Retryable, Unknown, withHint } from "../../src/lib/errors.ts";
import { type Answer, type Message, read, TITLE, type ToPlatform } from "./protocol.ts";

/** Milliseconds. */
const ANSWER_LIMIT = 10_000;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** Until what the host could not take is offered again. */
const AGAIN_AFTER = 500;
/** In UTF-16 code units: whoever says more without a newline is no platform of ours. */
const LONGEST_LINE = 200_000;

export interface ConnectionParts extends Pick<ChannelParts, "clock" | "log" | "random"> {
  port: number;
  token: string;
  /** Resolves once the message is the host's; throws where it is to be offered again. */
  take(message: Message): Promise<void>;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class Connection {
  readonly #parts: ConnectionParts;
  /** Once the platform said welcome. */
  #line: Socket | null = null;
  /** The same, or one that is not so far yet. */
  #socket: Socket | null = null;
  #health: Health = { state: "starting", detail: `connecting to ${TITLE}` };
  #failures = 0;
  #timer: Timer | null = null;
  #ended = false;
  #connecting: Promise<void> = Promise.resolve();
  #taking: Promise<void> = Promise.resolve();
  #requests = 0;
  readonly #waiting = new Map<string, Waiting>();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Resolves after the first try. @throws Misuse where the platform does not take the token */
  start(): Promise<void> {
    this.#connecting = this.#connect().catch((error) => {
      if (error instanceof Misuse) throw error;
      this.#failed(error);
    });
    return this.#connecting;
  }

  /** Also while it still starts. */
  async stop(): Promise<void> {
    this.#ended = true;
    this.#timer?.cancel();
    // What the host takes now can still be acknowledged.
    await this.#taking;
    this.#socket?.destroySoon();
    await this.#connecting.catch(() => {});
    this.#health = { state: "stopped", detail: "" };
  }

  health(): Health {
    return this.#health;
  }

  /** @returns the platform's id of the message. @throws what the contract of `Channel.send` says */
  async send(chat: string, text: string): Promise<string> {
    const line = this.#line;
    if (!line) throw new Retryable(`${TITLE} can't be reached: ${this.#health.detail}`);
    const request = String(++this.#requests);
    const answered = new Promise<Answer>((resolve, reject) => this.#waiting.set(request, { resolve, reject }));
    say(line, { type: "send", request, chat, text });
    const late = () => new Unknown(`${TITLE} gave no answer; it may have the message or not`);
    const answer = await inTime(this.#parts.clock, ANSWER_LIMIT, answered, late).finally(() =>
      this.#waiting.delete(request),
    );
    if (answer.type === "sent") return answer.id;
    if (answer.type === "slower") throw new Retryable(`${TITLE} asks to send more slowly`, answer.after);
    throw new Rejected(`${TITLE} refused it: ${answer.why}`);
  }

  /** Resolves once the line is up. */
  #connect(): Promise<void> {
    const { clock, port, token } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = createConnection({ port, host: "127.0.0.1" }).setEncoding("utf8");
    this.#socket = socket;
    const limit = clock.after(ANSWER_LIMIT, () => socket.destroy(new Error("it says nothing")));
    let reason = "the line was cut";
    let unfinished = "";
    socket.on("connect", () => say(socket, { type: "hello", token }));
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("data", (text: string) => {
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop() ?? "";
      if (unfinished.length > LONGEST_LINE) socket.destroy(new Error("it said a line without an end"));
      for (const line of lines) {
        const said = read(line);
        if (said?.type === "welcome") {
          limit.cancel();
          this.#up(socket, said.as);
          resolve();
        } else if (said?.type === "denied") {
          reject(new Misuse(`${TITLE} does not take this token`, "Add the channel again with the right one."));
          socket.destroy();
        } else if (said?.type === "message") this.#taking = this.#taking.then(() => this.#take(socket, said));
        else if (said) this.#waiting.get(said.request)?.resolve(said);
        else this.#parts.log.warn({ length: line.length }, "a line of the platform could not be read");
      }
    });
    socket.on("close", () => {
      limit.cancel();
      reject(new Error(reason));
      if (this.#line === socket) this.#lost(reason);
    });
    return promise;
  }

  #up(socket: Socket, as: string): void {
    this.#line = socket;
    this.#failures = 0;
    this.#health = { state: "up", detail: `connected as ${as}` };
  }

  #lost(reason: string): void {
    this.#line = null;
    for (const { reject } of this.#waiting.values())
      reject(new Unknown(`the line to ${TITLE} was lost before it answered: ${reason}`));
    this.#failed(new Error(reason));
  }

  /** Offers a message to the host until it is taken, or will come again on another line. */
  async #take(socket: Socket, message: Message): Promise<void> {
    const { clock, log, take } = this.#parts;
    while (!this.#ended && this.#line === socket) {
      try {
        await take(message);
        say(socket, { type: "taken", id: message.id });
        return;
      } catch (error) {
        log.warn({ error: messageOf(error) }, "a message could not be taken; it is offered again");
        await sleep(clock, AGAIN_AFTER);
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#ended) return;
    const reason = error instanceof Misuse ? withHint(error.message, error.hint) : messageOf(error);
    const { clock, log, random } = this.#parts;
    this.#health = { state: "down", detail: `${reason} (it is tried again by itself)` };
    log.warn({ reason, failures: this.#failures }, "the line is down");
    // Half of the grown pause is by chance, so that many hosts don't come back at the same moment.
    const grown = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = clock.after(grown / 2 + (grown / 2) * random.fraction(), () => {
      this.#connecting = this.#connect().catch((error) => this.#failed(error));
    });
  }
}

function say(socket: Socket, what: ToPlatform): void {
  if (socket.writable) socket.write(`${JSON.stringify(what)}\n`);
}
