/** One class per way to react. Messages say what happened, to what, and what to do now. */

/** It was not done; doing it again later may work. */
export class Retryable extends Error {
  override readonly name = "Retryable";
  /** Milliseconds to wait at least, where the other side said so. */
  readonly after: number | null;
  constructor(message: string, after: number | null = null) {
    super(message);
    this.after = after;
  }
}

/** It was not done and never will be as asked. */
export class Rejected extends Error {
  override readonly name = "Rejected";
}

/** It may have been done: the answer was lost. */
export class Unknown extends Error {
  override readonly name = "Unknown";
}

/** The caller asked for something that can't be: show the message and the hint to the person. */
export class Misuse extends Error {
  override readonly name = "Misuse";
  readonly hint: string;
  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/** The container engine can't be used. `hint` is the next step for the person. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What happened and what to do about it, as one text. */
export const withHint = (message: string, hint: string) => (hint ? `${message}. ${hint}` : message);

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
