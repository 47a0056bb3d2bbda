/** How a question and its answers are written: pure functions. */
import { createHash } from "node:crypto";
import type { Choice } from "../../src/approvals/approvals.ts";
import type { Button } from "../../src/store/outbox.ts";

/** An answer as it was typed or pressed. */
export interface Typed {
  id: number;
  /** The number or the name of a choice. */
  choice: string;
  /** The beginning of the hash of what the button stood under; null where it was typed. */
  hash: string | null;
}

const TYPED = /^\/approve(?:@\w+)?\s+(\d{1,9})\s+([a-z0-9-]{1,30})$/i;
const PRESSED = /^approve:(\d{1,9}):(\d{1,2}):([0-9a-f]{16})$/;
/** Enough of the hash that a button can't come to stand for another question, also after an older database was put back. */
const BOUND = 16;

/** "/approve 7 2" */
export function readTyped(text: string): Typed | null {
  const [, id, choice] = TYPED.exec(text.trim()) ?? [];
  return id && choice ? { id: Number(id), choice: choice.toLowerCase(), hash: null } : null;
}

export function readPressed(value: string): Typed | null {
  const [, id, choice, hash] = PRESSED.exec(value) ?? [];
  return id && choice && hash ? { id: Number(id), choice, hash } : null;
}

export const buttonsFor = (id: number, hash: string, choices: Choice[]): Button[] =>
  choices.map(({ label }, index) => ({
    label,
    value: `approve:${id}:${index + 1}:${hash.slice(0, BOUND)}`,
    typed: `/approve ${id} ${index + 1}`,
  }));

/** What an answer is about, as one text: the same thing always reads the same. */
export function payloadOf(payload: Record<string, unknown>): { text: string; hash: string } {
  const text = JSON.stringify(sorted(payload));
  return { text, hash: createHash("sha256").update(text).digest("hex") };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
