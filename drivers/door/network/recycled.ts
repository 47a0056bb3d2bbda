/**
 * What a server sends through a tunnel, in buffers that are used again. Node would take a new, smaller one for
 * each piece, and a download would cost more than twice as much.
 */
import type { OnReadOpts, Socket } from "node:net";

/** Bytes; a machine gives memory only for what was written into. */
const SIZE = 131_072;
/** Pieces that the slower side has not taken yet; beyond them nothing is read. */
const UNDER_WAY = 4;

export class Recycled {
  readonly #free: Buffer[] = [];
  #way: { from: Socket; to: Socket; passed(bytes: number): void } | null = null;
  #underWay = 0;

  /** For making the socket that is to be read; it has to be paused until `carry`. */
  get onread(): OnReadOpts {
    return {
      buffer: () => this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE),
      callback: (bytes, buffer) => this.#pass(bytes, buffer as Buffer),
    };
  }

  /** Begins to read, at the pace of `to`, and passes the end on too. @param passed told of each piece */
  carry(from: Socket, to: Socket, passed: (bytes: number) => void): void {
    this.#way = { from, to, passed };
    from.once("end", () => to.end());
    from.resume();
  }

  /** @returns false to pause */
  #pass(bytes: number, buffer: Buffer): boolean {
    this.#underWay += 1;
    this.#way?.passed(bytes);
    this.#way?.to.write(buffer.subarray(0, bytes), () => {
      // Not before: as long as it waits its bytes are in there.
      this.#free.push(buffer);
      if (this.#underWay === UNDER_WAY) this.#way?.from.resume();
      this.#underWay -= 1;
    });
    return this.#underWay < UNDER_WAY;
  }
}
