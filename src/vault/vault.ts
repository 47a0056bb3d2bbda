/** Credentials at rest, as the host sees them. Where and how they are kept is the backend's (drivers/vault). */

export type CredentialKind = "api_key" | "oauth_token";

export interface Credential {
  name: string;
  kind: CredentialKind;
  createdAt: number;
}

export interface Vault {
  /** Replaces what had the name. */
  put(name: string, kind: CredentialKind, secret: string, now: number): void;
  /** The secret itself; null where there is none. @throws Misuse when it can't be opened */
  reveal(name: string): { kind: CredentialKind; secret: string } | null;
  /** What is there, without the secrets. */
  list(): Credential[];
  /** @returns false when there was none */
  remove(name: string): boolean;
}
