/** What can go wrong between us and Telegram, read once from what the library throws, and what it means to a sender. */
import { GrammyError, HttpError } from "grammy";
import { messageOf, Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";

/** The answer was not one of Telegram's: a proxy's or gateway's page, by its HTTP status. */
export class ForeignAnswer extends Error {
  override readonly name = "ForeignAnswer";
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status} instead of an answer`);
    this.status = status;
  }
}

/** A request that failed. Its text never holds the address of the request, since that holds the token. */
export class BotFailure extends Error {
  override readonly name = "BotFailure";
  /** Telegram's error code, or the HTTP status; null where no answer came. */
  readonly code: number | null = null;
  /** Milliseconds to wait, where Telegram said so. */
  readonly after: number | null = null;
  /** The chat is a supergroup with this id now. */
  readonly movedTo: string | null = null;
  /** Certainly not carried out, although no answer came: the request never left. */
  readonly unsent: boolean = false;

  constructor(message: string, facts: Partial<Pick<BotFailure, "code" | "after" | "movedTo" | "unsent">>) {
    super(message);
    Object.assign(this, facts);
  }
}

/** Failures before a connection stood: of names, routes, and TLS. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|.*_CERT.*|CERT_.*|UNABLE_TO_.*)$/;

/** Reads what a request of the library threw. */
export function failureOf(error: unknown): BotFailure {
  if (error instanceof BotFailure) return error;
  if (error instanceof GrammyError) {
    const { retry_after: seconds, migrate_to_chat_id: movedTo } = error.parameters;
    return new BotFailure(error.description, {
      code: error.error_code,
      after: seconds === undefined ? null : seconds * 1000,
      movedTo: movedTo === undefined ? null : String(movedTo),
    });
  }
  if (!(error instanceof HttpError)) return new BotFailure(messageOf(error), {});
  const inner = error.error;
  if (inner instanceof ForeignAnswer) return new BotFailure(inner.message, { code: inner.status });
  const code = codeOf(inner) ?? codeOf((inner as { cause?: unknown } | null)?.cause);
  const unsent = code !== null && UNSENT.test(code);
  return new BotFailure(`no answer${code ? ` (${code})` : ""}`, { unsent });
}

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : null;
}

/** Telegram's words for what will never work, and ours with what to do. */
const REFUSALS: [RegExp, string][] = [
  [/blocked by the user/i, "this person has blocked the bot; they must unblock it in Telegram"],
  [/can't initiate conversation/i, "this person has never written to the bot; they must press Start in its chat first"],
  [/user is deactivated/i, "this person's account is gone"],
  [/kicked|not a member/i, "the bot is no longer in this chat; somebody must add it again"],
  [/chat not found/i, "Telegram knows no such chat, or the bot has never been in it"],
  [
    /not enough rights|have no rights|CHAT_\w+_FORBIDDEN/i,
    "the bot lacks the right to do this here; an administrator of the chat can give it",
  ],
  [/TOPIC_CLOSED|TOPIC_DELETED|thread not found/i, "this topic was closed or deleted"],
  [
    /REACTION_INVALID/i,
    "this is no reaction that Telegram allows here; try one of 👍 👎 ❤ 🔥 🎉 👏 🤔 😁 😢 🙏 👌 👀 💯 ⚡",
  ],
  [
    /message to (edit|react|be edited).*not found|MESSAGE_ID_INVALID|can't be edited/i,
    "this message is gone, or is not the bot's to change",
  ],
  [/too (big|large)/i, "this is larger than Telegram allows for bots"],
  [/too long/i, "this text is longer than Telegram allows"],
];

/** @returns the error of the channel's contract that tells who must act */
export function forSender(failure: BotFailure): Retryable | Rejected | Unknown {
  const { code, message, after, unsent } = failure;
  if (unsent) return new Retryable(`Telegram can't be reached: ${message}`, after);
  if (code === 429) return new Retryable("Telegram asks to send more slowly", after ?? 5_000);
  if (code === 401 || code === 404) return new Retryable("Telegram does not take the bot's token", 60_000);
  // What stands before the bot servers could not pass the request on. Other 5xx may come after it was carried out.
  if (code === 502 || code === 503) return new Retryable(`Telegram is out of order: ${message}`, after);
  if (code === null || code >= 500) return new Unknown(`Telegram may have it or not: ${message}`);
  const plain = REFUSALS.find(([pattern]) => pattern.test(message))?.[1];
  return new Rejected(plain ? `${plain} (Telegram: ${message})` : `Telegram refused it: ${message}`);
}
