/**
 * Credentials: a part that the way of a message knows by its tripwire alone. Its verbs keep them; what is kept, and how it
 * is sealed and refreshed, is the vault's.
 */
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { Tripwire } from "../../src/sessions/tripwire.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { type CredentialParts, credentialEffects } from "./effects.ts";
import { type TripwireParts, tripwire } from "./tripwire.ts";

export interface CredentialsParts extends Omit<TripwireParts, "vault">, Omit<CredentialParts, "renew"> {
  vault: Vault;
  supervisor(): Pick<Supervisor, "dismissAll">;
}

export interface Credentials {
  tripwire: Tripwire;
  effects: ReturnType<typeof credentialEffects>;
}

export function credentials(parts: CredentialsParts): Credentials {
  const renew = () => parts.supervisor().dismissAll();
  return { tripwire: tripwire(parts), effects: credentialEffects({ ...parts, renew }) };
}
