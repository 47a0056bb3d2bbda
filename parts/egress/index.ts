/**
 * Who may go where: rules of agent groups, bundles of them, what they come to, and the decision about each request that
 * wants to leave a container. The door asks by the port `Egress`.
 */
import type { Approvals } from "../../src/approvals/approvals.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { Asking } from "./asking.ts";
import { Book } from "./book.ts";
import { type Credentials, requestCredentials } from "./credentials.ts";
import { type RuleParts, ruleEffects } from "./effects.ts";
import { RuledEgress } from "./egress.ts";
import type { FlowGuard } from "./flow.ts";
import { EgressRules } from "./rules.ts";

export { requestCredentials };

export interface EgressParts extends Pick<RuleParts, "model"> {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
  approvals: Approvals;
  credentials: Credentials;
  guard: FlowGuard;
}

export interface EgressPart {
  /** For the door, and `environment` for whoever makes containers. */
  egress: RuledEgress;
  effects: ReturnType<typeof ruleEffects>;
  /** Records what is still held back. */
  stop(): void;
}

export function egressRules({ approvals, model, ...parts }: EgressParts): EgressPart {
  const rules = new EgressRules(parts.store.db);
  const asking = new Asking({ ...parts, approvals, rules });
  const book = new Book(parts);
  approvals.register(asking.kind);
  return {
    egress: new RuledEgress({ ...parts, rules, asking, book }),
    effects: ruleEffects({ ...parts, rules, model }),
    stop: () => book.flush(),
  };
}
