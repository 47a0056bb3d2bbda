/** Signed heads: what a chain was at a moment, vouched for by an Ed25519 key that whoever changes the chain does not have. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

export interface Head {
  /** 1, 2, 3, ...: an older head can't pass for a newer one. */
  counter: number;
  /** The last record that it covers. */
  seq: number;
  /** Hash of that record, hexadecimal. */
  hash: string;
  /** When it was signed, milliseconds since the epoch. */
  at: number;
  /** Names the public key, see `keyId`. */
  key: string;
  /** Base64. */
  signature: string;
}

const PURPOSE = "audit-head/1";

/** A short name of a key pair: sixteen hexadecimal digits of the public key's hash. */
export function keyId(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16);
}

export function signHead(head: Pick<Head, "counter" | "seq" | "hash" | "at">, privateKey: KeyObject): Head {
  const named = { ...head, key: keyId(privateKey) };
  return { ...named, signature: sign(null, signedBytes(named), privateKey).toString("base64") };
}

export function isSignedBy(head: Head, publicKey: KeyObject): boolean {
  return verify(null, signedBytes(head), publicKey, Buffer.from(head.signature, "base64"));
}

const signedBytes = ({ counter, seq, hash, at, key }: Omit<Head, "signature">) =>
  Buffer.from(JSON.stringify([PURPOSE, counter, seq, hash, at, key]));
