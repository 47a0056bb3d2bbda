/** Credentials at rest, as the host sees them. Where and how they are kept is the backend's (drivers/vault). */
import type { HttpCredential } from "../../packages/http-credentials/kinds.ts";
import type { Wire } from "../../packages/http-credentials/wire.ts";

/** Kinds that are revealed as they were stored: the model's, and what channels sign in with. */
export type PlainKind = "api_key" | "oauth_token";
export interface PlainSecret {
  kind: PlainKind;
  secret: string;
}

export interface Credential {
  name: string;
  kind: PlainKind | HttpCredential["kind"];
  /** The environment variable under which containers see its placeholder. */
  variable: string | null;
  createdAt: number;
  /** When its access token ends, where it has one. */
  expiresAt: number | null;
  /** The last use, give or take an hour. */
  usedAt: number | null;
  /** Why it does not work until somebody sets it again. */
  trouble: string | null;
}

/** What opens a secret throws Misuse where that can't be, with what to do, and never a word of the secret. */
export interface Vault {
  /** Replaces what had the name. */
  put(name: string, secret: PlainSecret | HttpCredential, now: number, variable?: string | null): void;
  /** The secret itself, for channels; null where there is none. */
  reveal(name: string): PlainSecret | null;
  /** The same for the model's gateway: of an OAuth 2 credential its access token, refreshed where it is time. */
  forModel(name: string): Promise<PlainSecret | null>;
  /** What a request must carry now, for the gateway. @throws Misuse, or Retryable where the provider can't be asked */
  wire(name: string): Promise<Wire>;
  /** How it is sent, without what is secret. */
  describe(name: string): Record<string, string>;
  /** What is there, without the secrets. */
  list(): Credential[];
  /** @returns false when there was none */
  remove(name: string): boolean;
  /** Seals everything anew under a new key. @param within runs that in one transaction. @returns how many there are */
  rotateKey(within: (reseal: () => number) => number): number;
  /** See placeholder.ts. */
  placeholderOf(session: string, name: string): string;
  nameOf(session: string, placeholder: string, names: readonly string[]): string | null;
}
