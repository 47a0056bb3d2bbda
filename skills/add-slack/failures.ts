/** What can go wrong between us and Slack, read once from what the library throws, and what it means to a sender. */
import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from "@slack/web-api";
import { messageOf, Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";

/** A request that failed. Its text holds no token: those go in a header that no error repeats. */
export class SlackFailure extends Error {
  override readonly name = "SlackFailure";
  /** Slack's own word for what is wrong, such as `channel_not_found`; null where it gave none. */
  readonly code: string | null = null;
  /** The HTTP status where it was not 200; null where no answer came. */
  readonly status: number | null = null;
  /** Milliseconds to wait, where Slack said so. */
  readonly after: number | null = null;
  /** Scopes that the token lacks, as Slack names them. */
  readonly needed: string = "";
  /** Certainly not carried out, although no answer came: the request never left. */
  readonly unsent: boolean = false;

  constructor(
    message: string,
    facts: Partial<Pick<SlackFailure, "code" | "status" | "after" | "needed" | "unsent">> = {},
  ) {
    super(message);
    Object.assign(this, facts);
  }
}

/** Failures before a connection stood: of names, routes, and TLS. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|.*_CERT.*|CERT_.*|UNABLE_TO_.*)$/;
/** What an answer of Slack's names a failure with; anything else was said by something between us. */
const CODE = /^[a-z][a-z0-9_]{1,79}$/;

/** Reads what a request of the library threw. */
export function failureOf(error: unknown): SlackFailure {
  if (error instanceof SlackFailure) return error;
  if (error instanceof WebAPIRateLimitedError) return tooFast(error.retryAfter * 1000);
  if (error instanceof WebAPIPlatformError) {
    const { error: code, needed } = error.data as { error: string; needed?: unknown };
    if (code === "ratelimited" || code === "rate_limited") return tooFast(null);
    if (!CODE.test(code)) return new SlackFailure("an answer that is not Slack's");
    return new SlackFailure(code, { code, needed: typeof needed === "string" ? needed.slice(0, 300) : "" });
  }
  if (error instanceof WebAPIHTTPError) {
    const { statusCode: status } = error;
    return new SlackFailure(`HTTP ${status} instead of an answer`, { status });
  }
  if (!(error instanceof WebAPIRequestError)) {
    // The library says so in words alone where Slack named no time.
    const message = messageOf(error);
    return message.startsWith("Retry header") ? tooFast(null) : new SlackFailure(message);
  }
  const code = codeOf(error.original) ?? codeOf(error.original.cause);
  const unsent = code !== null && UNSENT.test(code);
  return new SlackFailure(`no answer${code ? ` (${code})` : ""}`, { unsent });
}

const tooFast = (after: number | null) => new SlackFailure("too many requests", { status: 429, after });

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : null;
}

/** The token is wrong, or worth nothing any more: only a person can mend that. */
export const isSignInProblem = ({ code }: SlackFailure) =>
  code !== null &&
  /^(invalid_auth|not_authed|account_inactive|token_revoked|token_expired|not_allowed_token_type|user_removed_from_team|team_disabled|org_login_required|two_factor_setup_required)$/.test(
    code,
  );

const INVITE = "invite it there with /invite and its name";

/** Slack's words for what will never work, and ours with what to do. */
const REFUSALS: [RegExp, string][] = [
  [/^(not_in_channel|restricted_action_thread_locked)$/, `the bot is not in this channel; ${INVITE}`],
  [/^channel_not_found$/, `Slack knows no such channel, or the bot is not in it; ${INVITE}`],
  [/^is_archived$/, "this channel is archived; somebody must unarchive it first"],
  [/^restricted_action/, "the workspace does not let the bot write here; an administrator can allow it"],
  [/^(user_disabled|user_not_found|cannot_dm_bot|cannot_reply_to_message)$/, "nobody can be written to here any more"],
  [
    /^(messages_tab_disabled|cannot_message_app)$/,
    "the app takes no messages; on Slack's page of the app, under App Home, turn the Messages Tab on",
  ],
  [/^(msg_too_long|msg_blocks_too_long)$/, "this text is longer than Slack allows here"],
  [
    /^(message_not_found|cant_update_message|edit_window_closed)$/,
    "this message is gone, or is not the bot's to change",
  ],
  [/^(thread_not_found|invalid_ts)$/, "this thread is gone"],
  [/^too_many_(emoji|reactions)$/, "this message can't have more reactions"],
  [/^invalid_name$/, "Slack knows no such reaction; try one of 👍 👎 ❤️ 🎉 👀 🤔 ✅ 🙏 🔥 😄"],
  [/^(file_not_found|file_deleted)$/, "this file is not there any more"],
  [/^(storage_limit_reached|file_uploads_disabled|file_upload_size_restricted)/, "the workspace takes no such files"],
];

/** @returns the error of the channel's contract that tells who must act */
export function forSender(failure: SlackFailure): Retryable | Rejected | Unknown {
  const { code, status, message, after, needed, unsent } = failure;
  if (unsent) return new Retryable(`Slack can't be reached: ${message}`, after);
  if (status === 429) return new Retryable("Slack asks to send more slowly", after ?? 5_000);
  if (isSignInProblem(failure)) return new Retryable(`Slack does not take the bot's token (${code})`, 60_000);
  if (code === "missing_scope") {
    return new Rejected(
      `the app lacks ${needed ? `the scope ${needed}` : "a scope"}; add it on Slack's page of the app, under OAuth & Permissions, and install the app again`,
    );
  }
  // It was not begun. Other failures of Slack's own may come after it was carried out, as Slack says itself.
  if (code === "service_unavailable" || code === "request_timeout" || status === 502 || status === 503) {
    return new Retryable(`Slack is out of order: ${message}`, after);
  }
  if (code === null || code === "internal_error" || code === "fatal_error") {
    if (status !== null && status < 500) return new Rejected(`Slack refused it: ${message}`);
    return new Unknown(`Slack may have it or not: ${message}`);
  }
  const plain = REFUSALS.find(([pattern]) => pattern.test(code))?.[1];
  return new Rejected(plain ? `${plain} (Slack: ${code})` : `Slack refused it: ${code}`);
}

/** What the channel's contract knows, from whatever was thrown. */
export const asContract = (error: unknown) =>
  error instanceof Rejected || error instanceof Retryable || error instanceof Unknown
    ? error
    : forSender(failureOf(error));
