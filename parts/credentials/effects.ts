/** What the verbs about credentials do: `credentials.*`. */
import type { VerbResult } from "../../api/verbs.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { ModelChoice } from "../../src/gateway/model-choice.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, Retryable, withHint } from "../../src/lib/errors.ts";
import type { Credential, Vault } from "../../src/vault/vault.ts";
import { secretFrom } from "./secret.ts";

export interface CredentialParts {
  clock: Clock;
  vault: Vault;
  model: Pick<ModelChoice, "check">;
  /** Where the vault's key is, for people. */
  keyFile: string;
  /** Containers that have nothing to do end: the next ones get the placeholders of now. */
  renew(): void;
}

type Check = Omit<VerbResult<"credentials.set">, "name">;
const UNCHECKED: Check = { check: "not_checked", detail: "nothing here knows how to check it" };

export function credentialEffects({
  clock,
  vault,
  model,
  keyFile,
  renew,
}: CredentialParts): Pick<Effects, Extract<keyof Effects, `credentials.${string}`>> {
  const known = (name: string): Credential => {
    const found = vault.list().find((one) => one.name === name);
    if (found) return found;
    throw new Misuse(`there is no credential "${name}"`, "`ncl credentials list` shows them.");
  };

  /** One refresh shows whether the provider takes a sign-in. It is kept already: many providers take it only once. */
  async function signedIn(name: string): Promise<Check> {
    try {
      const secret = await vault.forModel(name);
      if (name === "anthropic" && secret) return await model.check(name, secret);
      return { check: "good", detail: "the provider takes it" };
    } catch (error) {
      if (error instanceof Retryable)
        return { check: "not_checked", detail: `${error.message}. It was stored unchecked.` };
      if (error instanceof Misuse) return { check: "bad", detail: withHint(error.message, error.hint) };
      throw error;
    }
  }

  return {
    "credentials.list": () => vault.list().map(shown),

    "credentials.show": ({ name }) => {
      const credential = shown(known(name));
      try {
        return { ...credential, settings: vault.describe(name) };
      } catch (error) {
        if (!(error instanceof Misuse)) throw error;
        return { ...credential, state: withHint(error.message, error.hint), settings: {} };
      }
    },

    "credentials.set": async (args, { record }) => {
      const { name, variable = null } = args;
      const secret = secretFrom(args, clock.now());
      const { kind } = secret;
      const before: Check =
        kind === "api_key" || kind === "oauth_token"
          ? await model.check(name, { kind, secret: secret.secret })
          : UNCHECKED;
      if (before.check === "bad") return { name, ...before };
      record(`credential:${name}`, () => vault.put(name, secret, clock.now(), variable), {
        kind,
        ...(variable && { variable }),
      });
      return { name, ...(kind === "oauth2" ? await signedIn(name) : before) };
    },

    "credentials.remove": ({ name }, { record }) =>
      record(`credential:${name}`, () => {
        if (!vault.remove(name)) known(name);
        return { done: true };
      }),

    "credentials.rotate-key": (_args, { record }) => {
      const credentials = vault.rotateKey((reseal) => record("vault:key", reseal));
      renew();
      return { credentials, key: keyFile };
    },
  };
}

function shown({ createdAt, trouble, variable, ...rest }: Credential): VerbResult<"credentials.list">[number] {
  return { ...rest, variable: variable ?? "", setAt: createdAt, state: trouble ?? "ok" };
}
