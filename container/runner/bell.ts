/**
 * The bell over the session socket: a byte in either direction means "look at your mailbox". It connects again by
 * itself when the host was restarted, and then rings both ways, because rings may have been lost meanwhile.
 */
import { connect, type Socket } from "node:net";
import { BELL_PATH, BELL_PROTOCOL } from "../../protocol/session-socket.ts";

/** Pause before connecting again, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE = 20;
const LAST_PAUSE = 1000;
/** How long the host may take to answer the upgrade, in milliseconds. */
const ANSWER_TIME = 5000;
const MAX_ANSWER_BYTES = 4096;
const REQUEST = [
  `GET ${BELL_PATH} HTTP/1.1`,
  "Host: nanoclaw",
  "Connection: Upgrade",
  `Upgrade: ${BELL_PROTOCOL}`,
  "\r\n",
].join("\r\n");
const RING = Buffer.from([1]);

export class Bell {
  readonly #path: string;
  readonly #onRing: () => void;
  #socket: Socket | null = null;
  #connected = false;
  #pause = FIRST_PAUSE;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param onRing called at each ring, and once whenever the bell has connected. */
  constructor(path: string, onRing: () => void) {
    this.#path = path;
    this.#onRing = onRing;
    this.#connect();
  }

  /** Rings at the host. Rings that it has not heard yet are merged; while not connected nothing is sent. */
  ring(): void {
    if (this.#connected && this.#socket?.writableLength === 0) this.#socket.write(RING);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    let answer = "";
    socket.setTimeout(ANSWER_TIME, () => socket.destroy());
    socket.on("connect", () => socket.write(REQUEST));
    socket.on("data", (bytes: Buffer) => {
      if (this.#connected) return this.#onRing();
      answer += bytes.toString("latin1");
      if (answer.includes("\r\n\r\n")) this.#answered(socket, answer);
      else if (answer.length > MAX_ANSWER_BYTES) socket.destroy();
    });
    // "close" follows and connects again.
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#again());
  }

  #answered(socket: Socket, answer: string): void {
    if (!/^HTTP\/1\.1 101 /.test(answer)) {
      socket.destroy();
      return;
    }
    socket.setTimeout(0);
    this.#connected = true;
    this.#pause = FIRST_PAUSE;
    this.ring();
    this.#onRing();
  }

  #again(): void {
    this.#connected = false;
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#connect(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
  }
}
