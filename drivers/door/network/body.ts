/** What is looked at in bodies while they pass: placeholders on the way out, secrets on the way back. Nothing is held up. */
import { Transform, type TransformCallback } from "node:stream";
import { PLACEHOLDER } from "../../../src/vault/placeholder.ts";

/** "ncph_" and 26 letters. */
const LENGTH = 31;
const START = "ncph_";

/** Passes a request's body on, until a placeholder stands in it or it is longer than was said. */
export class BodyGuard extends Transform {
  bytes = 0;
  readonly #length: number | null;
  readonly #leaked: (placeholder: string) => void;
  #tail = Buffer.alloc(0);

  /** @param length in bytes as it was announced; null for none */
  constructor(length: number | null, leaked: (placeholder: string) => void) {
    super();
    this.#length = length;
    this.#leaked = leaked;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    const tooLong = this.#length !== null && this.bytes > this.#length;
    const found = tooLong ? null : this.#find(chunk);
    if (found) this.#leaked(found);
    if (tooLong) done(new Error("the body is longer than announced"));
    else if (found) done(new Error("the body holds a placeholder"));
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(this.#length !== null && this.bytes < this.#length ? new Error("the body is shorter than announced") : null);
  }

  /** Looks at what ended in this chunk and began in it or before. */
  #find(chunk: Buffer): string | null {
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, LENGTH - 1)]);
    this.#tail = Buffer.from(chunk.length >= LENGTH - 1 ? chunk.subarray(1 - LENGTH) : seam.subarray(1 - LENGTH));
    return findIn(seam) ?? findIn(chunk);
  }
}

function findIn(bytes: Buffer): string | null {
  for (let at = bytes.indexOf(START); at !== -1; at = bytes.indexOf(START, at + 1)) {
    const match = bytes.toString("latin1", at, at + LENGTH).match(PLACEHOLDER);
    if (match) return match[0];
  }
  return null;
}

/**
 * Writes crosses over secrets in what comes back: as many as letters, so that lengths stay true. Bytes that may be the
 * beginning of one wait for the next ones, so one is also found when it comes in pieces.
 */
export class SecretMask extends Transform {
  readonly #secrets: Buffer[];
  #held = Buffer.alloc(0);

  constructor(secrets: string[]) {
    super();
    this.#secrets = secrets.map((secret) => Buffer.from(secret));
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const bytes = Buffer.concat([this.#held, chunk]);
    for (const secret of this.#secrets) {
      for (let at = bytes.indexOf(secret); at !== -1; at = bytes.indexOf(secret, at + secret.length)) {
        bytes.fill("x", at, at + secret.length);
      }
    }
    const keep = Math.max(0, ...this.#secrets.map((secret) => beginning(bytes, secret)));
    this.#held = bytes.subarray(bytes.length - keep);
    done(null, bytes.subarray(0, bytes.length - keep));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#held);
  }
}

/** How many of the last bytes may be the first ones of the secret. */
function beginning(bytes: Buffer, secret: Buffer): number {
  for (let length = Math.min(secret.length - 1, bytes.length); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(secret.subarray(0, length))) return length;
  }
  return 0;
}

export const masked = (text: string, secrets: string[]) =>
  secrets.reduce((left, secret) => left.replaceAll(secret, "x".repeat(secret.length)), text);
