/**
 * Refreshing an OAuth 2 access token (RFC 6749, section 6): the request, and what its answer means. Pure: nothing is
 * sent here, and nothing of what the provider wrote is passed on but its error code.
 */
import { z } from "zod";
import type { Access, OAuth2 } from "./kinds.ts";

/** Before its end a token is refreshed, by so much or a fifth of its life, milliseconds: clocks differ, requests take time. */
const MARGIN = 5 * 60_000;
/** An access token whose end the provider does not say is taken to live so long, milliseconds. */
const USUAL_LIFE = 30 * 60_000;
const LONGEST_LIFE = 10 * 365 * 24 * 60 * 60_000;
/** A clock that was set back by more than this since a token was issued can't tell when the token ends, milliseconds. */
const SET_BACK = 60_000;

/** `soon`: it is time for another one, but this one still works. */
export type Age = "fresh" | "soon" | "over";

export function ageOf(access: Access | null, now: number): Age {
  if (!access || now >= access.expiresAt || now < access.issuedAt - SET_BACK) return "over";
  const margin = Math.min(MARGIN, (access.expiresAt - access.issuedAt) / 5);
  return now >= access.expiresAt - margin ? "soon" : "fresh";
}

export interface RefreshRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export function refreshRequest(credential: OAuth2): RefreshRequest {
  const { tokenEndpoint, clientId, clientSecret, scopes, secret, body } = credential;
  const parameters = {
    grant_type: "refresh_token",
    refresh_token: secret,
    client_id: clientId,
    ...(clientSecret !== null && { client_secret: clientSecret }),
    ...(scopes.length > 0 && { scope: scopes.join(" ") }),
  };
  const json = body === "json";
  return {
    url: tokenEndpoint,
    // Some providers answer in a form unless asked for JSON.
    headers: {
      accept: "application/json",
      "content-type": json ? "application/json" : "application/x-www-form-urlencoded",
    },
    body: json ? JSON.stringify(parameters) : new URLSearchParams(parameters).toString(),
  };
}

export type RefreshVerdict =
  /** @field refreshToken what the next refresh takes */
  | { do: "use"; access: Access; refreshToken: string }
  /** Asking again with the same does not help: a person has to. */
  | { do: "give up"; why: "signed out" | "client" | "scope" | "request"; code: string }
  | { do: "ask later"; why: string };

const granted = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,20000}$/),
  refresh_token: z
    .string()
    .regex(/^[\x21-\x7e]{1,20000}$/)
    .nullish(),
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .nullish(),
  expires_in: z.coerce.number().positive().nullish(),
});
/** RFC 6749 has the code as text; some providers wrap it. */
const refused = z.object({
  error: z.union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)]),
});

const REASONS: Record<string, Extract<RefreshVerdict, { do: "give up" }>["why"]> = {
  invalid_grant: "signed out",
  // What one provider says instead, with status 200.
  bad_refresh_token: "signed out",
  invalid_client: "client",
  unauthorized_client: "client",
  incorrect_client_credentials: "client",
  invalid_scope: "scope",
};

/** @param sentAt when the request was made, milliseconds: the token's life counts from then at the earliest */
export function judgeRefresh(old: OAuth2, status: number, body: string, sentAt: number): RefreshVerdict {
  const said = parsed(body);
  const failure = refused.safeParse(said);
  if (failure.success && status < 500 && status !== 429) {
    const code = /^[a-z_]{1,60}$/.test(failure.data.error) ? failure.data.error : "an unknown error";
    const why = REASONS[code];
    if (why) return { do: "give up", why, code };
    if (code === "temporarily_unavailable" || code === "slow_down") return { do: "ask later", why: `it says ${code}` };
    return { do: "give up", why: "request", code };
  }
  if (status === 401 || status === 403) return { do: "give up", why: "client", code: `status ${status}` };
  if (status < 200 || status > 299) return { do: "ask later", why: `it answers with status ${status}` };
  const grant = granted.safeParse(said);
  if (!grant.success) return { do: "ask later", why: "its answer is none that OAuth 2 knows" };
  const { access_token, refresh_token, expires_in } = grant.data;
  const life = Math.min(expires_in ? expires_in * 1000 : USUAL_LIFE, LONGEST_LIFE);
  return {
    do: "use",
    access: { token: access_token, issuedAt: sentAt, expiresAt: Math.floor(sentAt + life) },
    refreshToken: refresh_token ?? old.secret,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
