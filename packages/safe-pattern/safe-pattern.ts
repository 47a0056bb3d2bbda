/**
 * Regular expressions that anybody may write: matched in time that grows with the text and nothing else. What can't be
 * done in linear time (looking around, references back) is refused, and so is what would become a large program.
 */
import { RE2JS } from "re2js";

/** Characters of a pattern, and instructions that it may become: repeats multiply. */
const MOST_PATTERN = 200;
const MOST_PROGRAM = 1_000;
/** Only the beginning of a text is looked at, characters. */
export const MOST_MATCHED = 4_000;
/** Compiled ones that are kept: each message is held against the same few. */
const MOST_KEPT = 100;
const kept = new Map<string, RE2JS | string>();

/** Why a pattern is not taken, for whoever wrote it; null where it is good. */
export function patternProblem(pattern: string): string | null {
  const compiled = compile(pattern);
  if (typeof compiled === "string") return compiled;
  return compiled.test("") ? "it is found in every message" : null;
}

/** Whether it is found anywhere in the beginning of a text. A pattern that can't be compiled is found nowhere. */
export function patternMatches(pattern: string, text: string): boolean {
  const compiled = kept.get(pattern) ?? compile(pattern);
  if (!kept.has(pattern)) {
    const [oldest] = kept.keys();
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(pattern, compiled);
  }
  return typeof compiled !== "string" && compiled.test(text.slice(0, MOST_MATCHED));
}

function compile(pattern: string): RE2JS | string {
  if (pattern.trim() === "") return "it is empty";
  if (pattern.length > MOST_PATTERN) return `it is longer than ${MOST_PATTERN} characters`;
  try {
    const compiled = RE2JS.compile(pattern);
    return compiled.programSize() > MOST_PROGRAM ? "it repeats too much" : compiled;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : "it can't be read";
  }
}
