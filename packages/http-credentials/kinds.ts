/**
 * The kinds of secrets that HTTP services take, each with what is to be known to send it. Parsed once, where it comes in:
 * what has passed can stand in a request without changing its shape. No complaint repeats a secret.
 */
import { z } from "zod";

/** Fields that frame a message, name its receiver or belong to one connection: a credential never goes by these. */
const FRAMING = new Set([
  ...["connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
]);

const headerName = z
  .string()
  .max(100)
  // A token of RFC 9110.
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "is no name of a header")
  .toLowerCase()
  .refine((name) => !FRAMING.has(name), "is a header that belongs to the connection");

/** Visible ASCII in one piece, as a token is. */
const token = z
  .string()
  .max(20_000)
  .regex(/^[\x21-\x7e]+$/, "has spaces, line breaks or special letters; a token has none");
/** The same, but single spaces may stand inside. */
const fieldValue = z
  .string()
  .max(20_000)
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, "has line breaks or special letters; a header has none");
const text = z
  .string()
  .max(20_000)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, "has line breaks or other control characters");

const endpoint = z
  .url({ protocol: /^https$/, error: "must be an https:// address" })
  .max(500)
  .refine((address) => {
    const { username, password, hash } = new URL(address);
    return username === "" && password === "" && hash === "";
  }, "must not hold a user, a password or a fragment");

/** An access token and when it lives, in milliseconds since the epoch by the clock of this machine. */
const access = z.object({ token, issuedAt: z.int(), expiresAt: z.int() });

const header = z.object({
  kind: z.literal("header"),
  secret: fieldValue,
  header: headerName,
  /** Stands before the secret, such as `Token `. */
  prefix: z
    .string()
    .max(100)
    .regex(/^[\x20-\x7e]*$/, "has line breaks or special letters"),
});
const bearer = z.object({ kind: z.literal("bearer"), secret: token });
const basic = z.object({
  kind: z.literal("basic"),
  secret: text,
  // RFC 7617: the first colon ends the user's name.
  user: z
    .string()
    .max(500)
    .regex(/^[^\p{Cc}\p{Cs}:]*$/u, "must not hold a colon or control characters"),
});
const query = z.object({
  kind: z.literal("query"),
  secret: text,
  parameter: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9_.~[\]-]+$/, "is no name of a query parameter"),
});
const oauth2 = z.object({
  kind: z.literal("oauth2"),
  /** The refresh token. */
  secret: token,
  tokenEndpoint: endpoint,
  clientId: token,
  clientSecret: token.nullable(),
  /** Asked for again with each refresh; none for those of the sign-in. */
  scopes: z.array(token.max(200)).max(100),
  /** How the token endpoint takes its parameters: RFC 6749 says form, some want JSON. */
  body: z.enum(["form", "json"]),
  access: access.nullable(),
});

export const httpCredential = z.discriminatedUnion("kind", [header, bearer, basic, query, oauth2]);
export type HttpCredential = z.output<typeof httpCredential>;
export type OAuth2 = z.output<typeof oauth2>;
export type Access = z.output<typeof access>;
