/** Randomness from a seed: the same seed and the same questions give the same answers, for ever. */
import { createHash } from "node:crypto";
import type { Random } from "../../../src/lib/ids.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

export class Rng implements Random {
  readonly #seed: string;
  /** State of sfc32, the small fast counting generator of PractRand. */
  readonly #state: Int32Array;

  constructor(seed: string) {
    this.#seed = seed;
    const hash = createHash("sha256").update(seed).digest();
    this.#state = Int32Array.from([0, 4, 8, 12], (offset) => hash.readInt32LE(offset));
  }

  /** A stream of its own, so that what one part asks does not change what another part gets. */
  fork(name: string): Rng {
    return new Rng(`${this.#seed}/${name}`);
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const sum = (((a + b) | 0) + d) | 0;
    this.#state[0] = b ^ (b >>> 9);
    this.#state[1] = (c + (c << 3)) | 0;
    this.#state[2] = ((c << 21) | (c >>> 11)) + sum;
    this.#state[3] = d + 1;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.int(0, list.length - 1)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }

  token(length: number): string {
    return Array.from({ length }, () => ALPHABET[this.int(0, ALPHABET.length - 1)]).join("");
  }
}
