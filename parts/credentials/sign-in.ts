/**
 * What people have of a sign-in: a bare refresh token, or the JSON that some tool wrote when they signed in. Nothing of it
 * is repeated in a complaint.
 */
import { z } from "zod";
import { Misuse } from "../../src/lib/errors.ts";

export interface SignIn {
  refreshToken: string;
  access: { token: string; expiresAt: number } | null;
  clientId: string | null;
  clientSecret: string | null;
  tokenEndpoint: string | null;
}

const token = z.string().min(1);
/** As token endpoints answer, and as Google's libraries write it; `expiry` is a date, `expires_at` seconds. */
const usual = z.object({
  refresh_token: token,
  access_token: token.nullish(),
  token: token.nullish(),
  expires_at: z.number().positive().nullish(),
  expiry: z.string().nullish(),
  client_id: token.nullish(),
  client_secret: token.nullish(),
  token_uri: token.nullish(),
});
/** The file that Claude Code keeps; its times are milliseconds. */
const claude = z.object({
  claudeAiOauth: z.object({ refreshToken: token, accessToken: token.nullish(), expiresAt: z.number().nullish() }),
});

export function signInFrom(text: string, now: number): SignIn {
  const bare = text.trim();
  const nothing = { access: null, clientId: null, clientSecret: null, tokenEndpoint: null };
  if (!bare.startsWith("{")) return { refreshToken: bare, ...nothing };
  const value = jsonIn(bare);
  const ofClaude = claude.safeParse(value);
  if (ofClaude.success) {
    const { refreshToken, accessToken, expiresAt } = ofClaude.data.claudeAiOauth;
    return { ...nothing, refreshToken, access: accessOf(accessToken, expiresAt) };
  }
  const parsed = usual.safeParse(value);
  if (!parsed.success) {
    throw new Misuse(
      "this sign-in holds no refresh token that is understood",
      'Give the bare refresh token, or JSON such as {"refresh_token": "…"}.',
    );
  }
  const said = parsed.data;
  return {
    refreshToken: said.refresh_token,
    access: accessOf(said.access_token ?? said.token, endOf(said, now)),
    clientId: said.client_id ?? null,
    clientSecret: said.client_secret ?? null,
    tokenEndpoint: said.token_uri ?? null,
  };
}

/** Without a known end an access token is of no use: it would be tried after it. */
const accessOf = (token: string | null | undefined, expiresAt: number | null | undefined) =>
  token && expiresAt ? { token, expiresAt: Math.floor(expiresAt) } : null;

function endOf({ expires_at, expiry }: z.output<typeof usual>, now: number): number | null {
  if (expires_at) return expires_at * 1000;
  const date = expiry ? Date.parse(expiry) : Number.NaN;
  // When an `expires_in` was said is not known: it counts for nothing.
  return Number.isNaN(date) || date < now ? null : date;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
