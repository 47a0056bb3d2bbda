/** Sealing one secret: AES-256-GCM under the vault's key, bound to the row that it belongs to. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed secret can't be taken away from. */
export interface Bound {
  name: string;
  kind: string;
  variable: string | null;
}

export function seal(key: Buffer, to: Bound, secret: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bytesOf(to));
  const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** @returns null where it was sealed with another key, for another row, or is damaged */
export function unseal(key: Buffer, to: Bound, bytes: Uint8Array): string | null {
  const sealed = Buffer.from(bytes);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  if (tag.length !== TAG_BYTES) return null;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES)).setAAD(bytesOf(to));
  try {
    decipher.setAuthTag(tag);
    const body = sealed.subarray(NONCE_BYTES + TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

/** One without a variable is bound as it always was. */
const bytesOf = ({ name, kind, variable }: Bound) =>
  Buffer.from(JSON.stringify(variable === null ? [name, kind] : [name, kind, variable]));
