/** What rules need of stored credentials: the vault has it. */
import type { Vault } from "../../src/vault/vault.ts";

export interface Credentials {
  /** Those that requests can carry; `variable` is the environment variable under which containers see the placeholder. */
  list(): { name: string; variable: string | null }[];
  /**
   * What a request must carry now: header and query values, and what stands for its placeholder.
   * @throws Misuse where a person must act, Retryable where it may work later; neither repeats a secret
   */
  wire(name: string): Promise<{ set: Record<string, string>; query: Record<string, string>; secret: string }>;
  placeholderOf(session: string, name: string): string;
  /** Whose it is among `names` in that session; null for none of them. */
  nameOf(session: string, placeholder: string, names: readonly string[]): string | null;
}

/** Those of a vault that requests can carry: not the model's, nor what channels sign in with. */
export const requestCredentials = (vault: Vault): Credentials => ({
  list: () => vault.list().filter(({ kind }) => kind !== "api_key" && kind !== "oauth_token"),
  wire: (name) => vault.wire(name),
  placeholderOf: (session, name) => vault.placeholderOf(session, name),
  nameOf: (session, placeholder, names) => vault.nameOf(session, placeholder, names),
});
