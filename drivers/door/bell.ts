/**
 * The bell: a connection on which every byte means "look at your mailbox", in both directions. Bytes carry no data, so a
 * flood of them is one ring, and a byte that is still on its way stands for all that would follow it.
 */
import type { Duplex } from "node:stream";
import type { DoorHooks } from "../../src/gateway/door.ts";
import type { Clock } from "../../src/lib/clock.ts";

/**
 * A ring is heard every so often on average, milliseconds; BURST of them may follow each other at once, so that the end
 * of a turn is not held up by its beginning. Beyond, the bell is deaf: what rings waits in the kernel and is heard then.
 */
const EVERY = 5;
const BURST = 8;
const RING = Buffer.from([1]);

export class Bell {
  readonly #clock: Clock;
  readonly #hooks: DoorHooks;
  #socket: Duplex | null = null;
  #sending = false;
  /** When the rings heard so far would have been due, one EVERY so often. */
  #paidUntil = 0;

  constructor(clock: Clock, hooks: DoorHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get connected(): boolean {
    return this.#socket !== null;
  }

  /** Takes an upgraded connection; it replaces the one before. */
  attach(socket: Duplex, early: Buffer): void {
    this.#socket?.destroy();
    this.#socket = socket;
    this.#sending = false;
    socket.on("data", () => {
      if (socket !== this.#socket) return;
      const now = this.#clock.now();
      const early = this.#paidUntil - BURST * EVERY - now;
      this.#paidUntil = Math.max(this.#paidUntil, now) + EVERY;
      if (early > 0) {
        socket.pause();
        this.#clock.after(early, () => socket.resume());
      }
      this.#hooks.onRing();
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#hooks.onBell(false);
    });
    if (early.length > 0) socket.unshift(early);
    this.#hooks.onBell(true);
  }

  ring(): void {
    if (!this.#socket || this.#sending) return;
    this.#sending = true;
    const socket = this.#socket;
    socket.write(RING, () => {
      if (socket === this.#socket) this.#sending = false;
    });
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }
}
