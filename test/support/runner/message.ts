/** A message row's body, as tests need it: what they don't name is as usual. */
import type { Message } from "../../../container/runner/prompt.ts";

export function message(text: string, more: Partial<Message> = {}): Message {
  const usual = { at: "2026-11-23T19:11:00.000Z", from: "Ann", author: "person", change: "said", about: null } as const;
  const plain = { stranger: false, engages: true, attempt: 1, files: [], receipts: [], alreadyDone: [], script: null };
  return { kind: "message", text, ...usual, ...plain, ...more };
}
