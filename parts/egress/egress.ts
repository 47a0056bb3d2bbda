/** Decides about requests for the door: by rules, by people where a rule says so, with credentials where a rule names one. */
import type { Request } from "../../packages/egress-rules/index.ts";
import { tellOwner } from "../../src/access/owner.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { DoorSession } from "../../src/gateway/door.ts";
import type {
  Destination,
  Egress,
  EgressEnd,
  EgressRequest,
  EgressVerdict,
  TunnelVerdict,
} from "../../src/gateway/egress.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf, withHint } from "../../src/lib/errors.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import type { Asking } from "./asking.ts";
import type { Book } from "./book.ts";
import type { Credentials } from "./credentials.ts";
import { addressOf, refusal } from "./explain.ts";
import { type Flow, type FlowGuard, flowOf } from "./flow.ts";
import { hostOf } from "./reach.ts";
import type { EgressRule, EgressRules } from "./rules.ts";

/** How often a request is decided anew because an answer changed the rules. */
const MOST_ROUNDS = 3;

export interface RuledEgressParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
  rules: EgressRules;
  asking: Asking;
  book: Book;
  credentials: Credentials;
  guard: FlowGuard;
}

export class RuledEgress implements Egress {
  readonly #parts: RuledEgressParts;

  constructor(parts: RuledEgressParts) {
    this.#parts = parts;
  }

  async tunnel(session: DoorSession, to: Destination): Promise<TunnelVerdict> {
    const { rules, book, guard } = this.#parts;
    const resource = hostOf({ ...to, scheme: "https" });
    try {
      const rule = rules.of(session.agentGroup, session.id).tunnel(to.host, to.port);
      if (!rule) return { do: "intercept" };
      const flow = { kind: "tunnel", host: to.host, trusted: rule.trusted } as const;
      const verdict = guard.judge(session.id as SessionId, flow);
      if (!verdict.allow) {
        book.refused(session, "tunnel", resource, verdict.why);
        return { do: "refuse", status: 403, message: heldTunnel(verdict.why) };
      }
      guard.passed(session.id as SessionId, { ...flowOf(rule, { ...to, method: "CONNECT" }), strangersText: true });
      const passing = { session, turn: this.#turn(session), what: "tunnel", resource, rule: rule.id, credential: null };
      return { do: "pass", id: book.begin(passing), privateNetwork: rule.privateNetwork };
    } catch (error) {
      return { do: "refuse", ...this.#failed(session, "tunnel", resource, error) };
    }
  }

  async decide(session: DoorSession, asked: EgressRequest, signal: AbortSignal): Promise<EgressVerdict> {
    const { host, port, scheme, path } = asked;
    const request: Request = {
      host,
      port,
      scheme,
      path,
      method: asked.upgrade ? "UPGRADE" : asked.method.toUpperCase(),
    };
    const what = request.method.toLowerCase().replace(/[^a-z]/g, "");
    try {
      return await this.#decide(session, request, asked.placeholders, what, signal);
    } catch (error) {
      return { allow: false, ...this.#failed(session, what, addressOf(request), error) };
    }
  }

  async #decide(
    session: DoorSession,
    request: Request,
    placeholders: string[],
    what: string,
    signal: AbortSignal,
  ): Promise<EgressVerdict> {
    const { rules, book, asking, store, guard } = this.#parts;
    const resource = addressOf(request);
    const folder = store.groups.agentGroup(session.agentGroup as AgentGroupId)?.folder ?? "";
    const refuse = (status: number, message: string, why = message): EgressVerdict => {
      book.refused(session, what, resource, why);
      return { allow: false, status, message };
    };
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const decision = rules.of(session.agentGroup, session.id).decide(request);
      const known = decision.do === "deny" ? null : decision.rule.credential;
      const stray = placeholders.find((one) => !this.#standsFor(session, one, known));
      if (stray !== undefined) {
        this.#tripped(session, what, resource);
        return { allow: false, status: 403, message: STRAY };
      }
      if (decision.do === "deny") {
        const why = decision.rule ? `rule ${decision.rule.id} denies it` : decision.why;
        return refuse(403, refusal(decision, folder, request), why);
      }
      const flow = flowOf(decision.rule, request);
      const letGo = () => this.#let(session, decision.rule, flow, placeholders, what, resource, signal);
      const verdict = decision.do === "allow" ? guard.judge(session.id as SessionId, flow) : null;
      if (verdict?.allow) return letGo();
      const outcome = await asking.hold(session, request, decision.rule, verdict, signal);
      if (outcome.do === "refuse")
        return refuse(outcome.status, `${outcome.why}: ${request.method} ${resource}.`, outcome.why);
      if (outcome.do === "let through") return letGo();
    }
    return refuse(429, `The rules about ${resource} changed meanwhile. Try again.`);
  }

  /** The credential is fetched before the intent is recorded, and the intent before anything goes out. */
  async #let(
    session: DoorSession,
    rule: EgressRule,
    flow: Flow,
    placeholders: string[],
    what: string,
    resource: string,
    signal: AbortSignal,
  ): Promise<EgressVerdict> {
    const { book, credentials, guard } = this.#parts;
    const { credential, privateNetwork } = rule;
    const wire = credential === null ? null : await credentials.wire(credential);
    guard.passed(session.id as SessionId, flow);
    const id = book.begin({ session, turn: this.#turn(session), what, resource, rule: rule.id, credential });
    if (signal.aborted) book.end(id, GONE);
    const { set = {}, query = {}, secret = "" } = wire ?? {};
    const swap = Object.fromEntries(placeholders.map((one) => [one, secret]));
    return { allow: true, id, privateNetwork, set, query, swap };
  }

  /** Whether a rule of the group vouches for this place as one to send to. */
  trusts(group: AgentGroupId, url: URL): boolean {
    const { protocol, hostname: host, port, pathname, search } = url;
    if (protocol !== "https:") return false;
    const request = {
      host,
      port: Number(port || 443),
      scheme: "https",
      method: "GET",
      path: pathname + search,
    } as const;
    const decision = this.#parts.rules.of(group, "").decide(request);
    return decision.do === "allow" && decision.rule.trusted;
  }

  ended(id: number, end: EgressEnd): void {
    this.#parts.book.end(id, end);
  }

  leaked(id: number, _placeholder: string): void {
    const passing = this.#parts.book.passing(id);
    if (passing) this.#tripped(passing.session, passing.what, passing.resource);
  }

  refused(session: DoorSession, to: Destination | null, why: string, times: number): void {
    this.#parts.book.refused(session, "connect", to ? hostOf({ ...to, scheme: "https" }) : "", why, times);
  }

  /** Variables for the container: each names a credential that a rule of the agent uses, and holds its placeholder. */
  environment(session: { id: string; agentGroup: string }): Record<string, string> {
    const { rules, credentials, log } = this.#parts;
    const used = new Set(rules.list(session.agentGroup).map(({ credential }) => credential));
    try {
      return Object.fromEntries(
        credentials
          .list()
          .flatMap(({ name, variable }) =>
            variable !== null && used.has(name) ? [[variable, credentials.placeholderOf(session.id, name)]] : [],
          ),
      );
    } catch (error) {
      // Without the vault's key nothing stands for anything; the agent can work all the same.
      log.error({ error: messageOf(error) }, "a container gets no placeholders");
      return {};
    }
  }

  #standsFor(session: DoorSession, placeholder: string, credential: string | null): boolean {
    if (credential === null) return false;
    return this.#parts.credentials.nameOf(session.id, placeholder, [credential]) === credential;
  }

  /** What stands for a key was about to go where it does not belong: somebody put it there. */
  #tripped(session: DoorSession, what: string, resource: string): void {
    const { book, store, clock, log } = this.#parts;
    book.refused(session, what, resource, "a placeholder of a credential was in it, which does not belong there");
    const agent = store.groups.agentGroup(session.agentGroup as AgentGroupId)?.name ?? "An agent";
    const text = `${agent} tried to send what stands for one of your keys to a place that is not meant to get it (${resource.slice(0, 200)}). I refused; the key itself was never in reach. \`ncl audit list\` shows more. Perhaps something that it read told it to.`;
    try {
      tellOwner(store, `tripwire:${session.id}`, text, null, clock.now());
    } catch (error) {
      log.error({ error: messageOf(error) }, "the owner could not be told");
    }
  }

  /** What could not be decided or recorded does not go out. */
  #failed(session: DoorSession, what: string, resource: string, error: unknown): { status: number; message: string } {
    const { book, log } = this.#parts;
    const why = error instanceof Misuse ? withHint(messageOf(error), error.hint) : messageOf(error);
    log.warn({ session: session.id, error: messageOf(error) }, "a request could not be decided");
    book.refused(session, what, resource, why);
    if (error instanceof Misuse) return { status: 403, message: `NanoClaw could not send this: ${why}` };
    return { status: 429, message: "NanoClaw can't send this at the moment. Try again a little later." };
  }

  #turn(session: DoorSession): number | null {
    return this.#parts.store.turns.running(session.id as SessionId);
  }
}

const heldTunnel = (why: string) =>
  `NanoClaw held this back: ${why}. Nobody sees into a tunnel, so no question can show what goes through it. The owner lets it through with \`ncl guard waive\`.`;

const STRAY =
  "NanoClaw refused this: it holds a placeholder of a credential that does not belong to this address. Send the placeholder only where the credential is meant to be used.";

const GONE: EgressEnd = {
  status: 499,
  address: "",
  why: "the client went away",
  requestBytes: 0,
  responseBytes: 0,
  ms: 0,
};
