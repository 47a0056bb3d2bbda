/** What a request carries to use a credential. Pure. */
import type { HttpCredential } from "./kinds.ts";

export interface Wire {
  /** Headers, in place of those that the request has under these names; names in lower case. */
  set: Record<string, string>;
  /** Query parameters, in place of those that it has, not yet encoded. */
  query: Record<string, string>;
  /** The bare secret, for where a client has put a placeholder. */
  secret: string;
}

/** An OAuth 2 credential goes as the bearer of its access token. */
export function wireOf(credential: Exclude<HttpCredential, { kind: "oauth2" }>): Wire {
  const { secret } = credential;
  switch (credential.kind) {
    case "header":
      return { set: { [credential.header]: credential.prefix + secret }, query: {}, secret };
    case "bearer":
      return { set: { authorization: `Bearer ${secret}` }, query: {}, secret };
    case "basic": {
      const pair = Buffer.from(`${credential.user}:${secret}`).toString("base64");
      return { set: { authorization: `Basic ${pair}` }, query: {}, secret };
    }
    case "query":
      return { set: {}, query: { [credential.parameter]: secret }, secret };
  }
}

/** How a credential is sent, without what is secret. */
export function settingsOf(credential: HttpCredential): Record<string, string> {
  switch (credential.kind) {
    case "header":
      return { header: credential.header, prefix: credential.prefix };
    case "bearer":
      return {};
    case "basic":
      return { user: credential.user };
    case "query":
      return { parameter: credential.parameter };
    case "oauth2": {
      const { tokenEndpoint, clientId, scopes } = credential;
      return { tokenEndpoint, clientId, scopes: scopes.join(" ") };
    }
  }
}
