/** Keeps connections to one server between requests of one session. Nothing but `dial` opens one. */
import { Agent, type ClientRequest } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Connections that wait for the next request. */
const SPARE = 16;
/** How long, milliseconds: shorter than most servers wait, so that a request seldom meets one that is being closed. */
const SPARE_TIME = 8_000;

export class PinnedAgent extends Agent {
  readonly #dial: () => Promise<Socket>;
  readonly #given: Socket[] = [];

  constructor(dial: () => Promise<Socket>) {
    super({ keepAlive: true, maxFreeSockets: SPARE, timeout: SPARE_TIME, scheduling: "lifo" });
    this.#dial = dial;
  }

  /** Takes a connection that was opened to learn what the server speaks. */
  give(socket: Socket): void {
    this.#given.push(socket);
  }

  get inUse(): boolean {
    return Object.keys(this.sockets).length > 0;
  }

  override createConnection(_options: object, done: (error: Error | null, socket: Duplex) => void): undefined {
    const given = this.#given.pop();
    const opened = given && !given.destroyed ? Promise.resolve(given) : this.#dial();
    opened.then(
      (socket) => done(null, socket),
      // Node looks at the error only, its type wants a connection too.
      (error: Error) => (done as (error: Error) => void)(error),
    );
  }

  /** What a server says unasked would be taken for the answer to the next request. */
  override keepSocketAlive(socket: Duplex): boolean {
    const kept: unknown = super.keepSocketAlive(socket);
    if (kept === false) return false;
    socket.on("data", cut).resume();
    return true;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    socket.off("data", cut);
    super.reuseSocket(socket, request);
  }

  override destroy(): void {
    for (const socket of this.#given.splice(0)) socket.destroy();
    super.destroy();
  }
}

function cut(this: Duplex): void {
  this.destroy();
}
