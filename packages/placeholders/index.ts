/**
 * Words that stand for a secret inside a session. One is worth nothing outside it, is stored nowhere, and stays the same for
 * as long as the key does. Pure.
 */
import { createHmac } from "node:crypto";

const LETTERS = 26;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** Finds every one in a text. */
export const PLACEHOLDER = /ncph_[a-z2-7]{26}/g;
/** Longest beginning of one that is none yet, characters. */
export const UNFINISHED = "ncph_".length + LETTERS - 1;

/** 130 bits of an HMAC over session and name. */
export function placeholderOf(key: Uint8Array, session: string, name: string): string {
  const bits = createHmac("sha256", key)
    .update(JSON.stringify([session, name]))
    .digest();
  // Each letter takes five bits of its own.
  const letters = Array.from(
    { length: LETTERS },
    (_, i) => ALPHABET[(bits.readUInt16BE((i * 5) >> 3) >> (11 - ((i * 5) & 7))) & 31],
  );
  return `ncph_${letters.join("")}`;
}

/** Whose it is among `names` in that session; null for none of them, such as one of another session. */
export function nameOf(key: Uint8Array, session: string, placeholder: string, names: readonly string[]): string | null {
  return names.find((name) => placeholderOf(key, session, name) === placeholder) ?? null;
}
