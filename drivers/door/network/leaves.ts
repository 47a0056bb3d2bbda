/** Certificates that the door shows clients for the servers that it stands in for: short-lived, cached, bounded. */
import { createPrivateKey } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { type Authority, makeServerCertificate, newKey } from "../../../packages/certificates/certificate.ts";
import type { Clock } from "../../../src/lib/clock.ts";

/** How long one is good for, and how much of that is in the past, because clocks differ, milliseconds. */
const LIFE = 48 * 3_600_000;
const BACKDATED = 3_600_000;
/** It is replaced when so much of its life is left. */
const RENEW = 24 * 3_600_000;
const MAX_KEPT = 1_000;

/** PEM of both. */
export interface AuthorityText {
  key: string;
  certificate: string;
}

export class Leaves {
  readonly #authority: Authority;
  readonly #clock: Clock;
  /** One for all hosts: it never leaves this process, and making one for each would take longer than the rest. */
  readonly #key = newKey();
  readonly #keyText = this.#key.export({ type: "pkcs8", format: "pem" });
  readonly #kept = new Map<string, { context: SecureContext; until: number }>();

  constructor({ key, certificate }: AuthorityText, clock: Clock) {
    this.#authority = { key: createPrivateKey(key), certificate };
    this.#clock = clock;
  }

  /** Whether `contextFor` need not sign. */
  has(host: string): boolean {
    const kept = this.#kept.get(host);
    return kept !== undefined && kept.until - this.#clock.now() > RENEW;
  }

  contextFor(host: string): SecureContext {
    const now = this.#clock.now();
    const kept = this.#kept.get(host);
    this.#kept.delete(host);
    const leaf = kept && kept.until - now > RENEW ? kept : this.#make(host, now);
    this.#kept.set(host, leaf);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return leaf.context;
  }

  #make(host: string, now: number): { context: SecureContext; until: number } {
    const until = now - BACKDATED + LIFE;
    const validity = { from: new Date(now - BACKDATED), to: new Date(until) };
    const cert = makeServerCertificate(this.#authority, host, this.#key, validity);
    return { context: createSecureContext({ key: this.#keyText, cert, minVersion: "TLSv1.2" }), until };
  }
}
