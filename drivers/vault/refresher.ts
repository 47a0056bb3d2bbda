/**
 * Keeps access tokens of OAuth 2 credentials alive. One request for all who wait; what the provider gives is durable
 * before anyone gets it, because many providers take a refresh token only once.
 */
import type { Access, OAuth2 } from "../../packages/http-credentials/kinds.ts";
import { ageOf, judgeRefresh, type RefreshRequest, refreshRequest } from "../../packages/http-credentials/refresh.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf, Retryable } from "../../src/lib/errors.ts";

/** A provider that did not help is left in peace for so long, milliseconds. */
const PAUSE = 5_000;

export type AskProvider = (request: RefreshRequest) => Promise<{ status: number; body: string }>;

export interface RefresherParts {
  clock: Clock;
  /** Asks a token endpoint. Rejects with a reason in words where there is no answer. */
  ask: AskProvider;
  load(name: string): OAuth2;
  /**
   * Keeps what the provider gave in place of `from`, durably.
   * @returns false where the credential is not that one any more
   */
  keep(name: string, from: OAuth2, to: OAuth2): boolean;
  /** The provider says no for good. */
  refused(name: string, from: OAuth2, why: string): void;
}

export class Refresher {
  readonly #parts: RefresherParts;
  /** Each of one sign-in: another one may be set under the same name at any time. */
  readonly #running = new Map<string, { of: string; refreshing: Promise<void> }>();
  /** What a provider gave and the disk did not take: it is kept before anything else happens to that credential. */
  readonly #unkept = new Map<string, { from: OAuth2; to: OAuth2 }>();
  readonly #pauses = new Map<string, { since: number; why: string }>();

  constructor(parts: RefresherParts) {
    this.#parts = parts;
  }

  /** Somebody set the credential: it is tried at once. */
  wasSet(name: string): void {
    this.#pauses.delete(name);
  }

  /** An access token that works now. @throws Misuse where the provider refused, Retryable where it can't be asked */
  async token(name: string): Promise<string> {
    this.#keep(name);
    const credential = this.#parts.load(name);
    const age = ageOf(credential.access, this.#parts.clock.now());
    if (age === "fresh" && credential.access) return credential.access.token;
    try {
      await this.#refreshed(name, credential);
    } catch (error) {
      // It may be that only the disk or the provider has a bad moment: what still works goes on.
      if (age === "soon" && credential.access && !this.#unkept.has(name)) return credential.access.token;
      throw error;
    }
    return this.#after(name);
  }

  /** What is stored now, whoever put it there. */
  #after(name: string): string {
    const { access } = this.#parts.load(name);
    if (access && ageOf(access, this.#parts.clock.now()) !== "over") return access.token;
    throw new Retryable(`credential "${name}" has no access token that lasts; it is asked for again`);
  }

  #refreshed(name: string, credential: OAuth2): Promise<void> {
    const of = credential.secret;
    const running = this.#running.get(name);
    if (running?.of === of) return running.refreshing;
    const pause = this.#pauses.get(name);
    const waited = pause ? this.#parts.clock.now() - pause.since : PAUSE;
    if (pause && waited >= 0 && waited < PAUSE) return Promise.reject(cannotAsk(name, pause.why));
    const refreshing = this.#refresh(name, credential).finally(() => {
      if (this.#running.get(name)?.of === of) this.#running.delete(name);
    });
    this.#running.set(name, { of, refreshing });
    return refreshing;
  }

  async #refresh(name: string, from: OAuth2): Promise<void> {
    const { clock, ask, refused } = this.#parts;
    const sentAt = clock.now();
    const answer = await ask(refreshRequest(from)).catch((error: unknown) => messageOf(error));
    const verdict =
      typeof answer === "string"
        ? ({ do: "ask later", why: answer } as const)
        : judgeRefresh(from, answer.status, answer.body, sentAt);
    if (verdict.do === "use") {
      this.#pauses.delete(name);
      this.#unkept.set(name, { from, to: withTokens(from, verdict) });
      return this.#keep(name);
    }
    if (verdict.do === "ask later") {
      this.#pauses.set(name, { since: clock.now(), why: verdict.why });
      throw cannotAsk(name, verdict.why);
    }
    const { message, hint } = refusal(name, verdict.why, verdict.code);
    refused(name, from, message);
    throw new Misuse(message, hint);
  }

  /** @throws Retryable where the disk does not take it; then nobody gets the token either */
  #keep(name: string): void {
    const unkept = this.#unkept.get(name);
    if (!unkept) return;
    this.#parts.keep(name, unkept.from, unkept.to);
    this.#unkept.delete(name);
  }
}

const withTokens = (from: OAuth2, { access, refreshToken }: { access: Access; refreshToken: string }): OAuth2 => ({
  ...from,
  secret: refreshToken,
  access,
});

const cannotAsk = (name: string, why: string) =>
  new Retryable(`the access token of credential "${name}" could not be refreshed: ${why}`);

const WORDS = {
  "signed out": "the sign-in has expired or was revoked",
  client: "it does not know the client, or its secret is wrong",
  scope: "it does not grant these scopes any more",
  request: "it does not take the request",
};

/** What a person reads, now and in `ncl credentials list`. */
export function refusal(name: string, why: keyof typeof WORDS, code: string): { message: string; hint: string } {
  return {
    message: `the provider refuses to refresh credential "${name}": ${WORDS[why]} (${code})`,
    hint: setAgain(name),
  };
}

export const setAgain = (name: string) =>
  `Sign in with the provider again, and store the new refresh token with \`ncl credentials set ${name} --kind oauth2 …\`.`;
