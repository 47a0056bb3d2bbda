/**
 * Which model answers, and where its API is. The practice model is a local server like any other: the host knows its
 * address and the command that runs it, nothing more.
 */
import { z } from "zod";
import type { ErrorClass } from "../../protocol/rows.ts";
import { Misuse } from "../lib/errors.ts";
import type { Settings } from "../store/settings.ts";
import type { Credential, Upstream } from "./door.ts";

const choice = z.object({ model: z.enum(["practice", "anthropic"]), address: z.string().nullable() });
type Choice = z.infer<typeof choice>;

export type CredentialVerdict = { ok: true } | { ok: false; class: ErrorClass; message: string };

export interface ModelChoiceParts {
  settings: Settings;
  /** Runs the practice model while it is chosen. */
  practiceServer: { start(): Promise<void>; stop(): Promise<void> };
  /** Asks a model's API whether it takes a credential. Never rejects, and never repeats the secret. */
  checkCredential(upstream: Upstream, credential: Credential): Promise<CredentialVerdict>;
  /** "unix:/path" of the practice model. */
  practiceAddress: string;
  /** The usual address of the real API. */
  usualAddress: string;
}

export class ModelChoice {
  readonly #parts: ModelChoiceParts;
  constructor(parts: ModelChoiceParts) {
    this.#parts = parts;
  }

  current(): { model: Choice["model"]; address: string } {
    const { model, address } = this.#stored();
    return {
      model,
      address: address ?? (model === "practice" ? this.#parts.practiceAddress : this.#parts.usualAddress),
    };
  }

  upstream(): Upstream {
    const { model, address } = this.current();
    return { address, needsCredential: model !== "practice" };
  }

  /** @throws Misuse for an address that is neither HTTPS nor on this machine */
  choose(model: Choice["model"], address: string | null): void {
    if (address && !isModelAddress(address)) {
      throw new Misuse(
        `"${address}" can't be the model's address`,
        "Use https://…, or http:// on this machine's loopback.",
      );
    }
    this.#parts.settings.set("model", { model, address } satisfies Choice);
  }

  /** Starts or stops the practice server as chosen. */
  async apply(): Promise<void> {
    const { model, address } = this.#stored();
    if (model === "practice" && !address) await this.#parts.practiceServer.start();
    else await this.#parts.practiceServer.stop();
  }

  /** Asks the real API whether it takes the credential. */
  async check(
    name: string,
    credential: Credential,
  ): Promise<{ check: "good" | "bad" | "not_checked"; detail: string }> {
    if (name !== "anthropic") return { check: "not_checked", detail: "nothing here knows how to check it" };
    const stored = this.#stored();
    const address = stored.model === "anthropic" && stored.address ? stored.address : this.#parts.usualAddress;
    const verdict = await this.#parts.checkCredential({ address, needsCredential: true }, credential);
    if (verdict.ok) return { check: "good", detail: "the API takes it" };
    if (verdict.class === "auth") return { check: "bad", detail: verdict.message };
    return { check: "not_checked", detail: `${verdict.message} It was stored unchecked.` };
  }

  #stored(): Choice {
    return this.#parts.settings.get("model", choice) ?? { model: "practice", address: null };
  }
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** Whether this can be the address of a model: HTTPS, or HTTP on this machine. */
export function isModelAddress(address: string): boolean {
  if (address.startsWith("unix:/")) return true;
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (username || password) return false;
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.includes(hostname));
}
