/** What the information-flow guard says about requests. It is a part of its own: the composition root plugs it in. */
import { type Act, onlyReads, type Sink, type Source } from "../../packages/flow-guard/judge.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { EgressRule } from "./rules.ts";

/** A request, with whether its answer may have been written by anybody. */
export type Flow = Extract<Act, { kind: "request" }> & { strangersText: boolean };

/** What is to be decided by a person: text from these sources, and private things, may meet at that sink. */
export interface FlowQuestion {
  why: string;
  sources: Source[];
  sink: Sink;
}

export interface FlowGuard {
  judge(session: SessionId, act: Act): { allow: true } | ({ allow: false } & FlowQuestion);
  /** It is let through: what its answer brings is durable before it goes. */
  passed(session: SessionId, flow: Flow): void;
  /** A person said yes for good. Part of the open transaction. */
  waive(group: AgentGroupId, question: Pick<FlowQuestion, "sources" | "sink">): void;
}

/** A bundle vouches for its hosts as places to ask, never for what people put there. */
export function flowOf(rule: EgressRule, request: { host: string; method: string }): Flow {
  const { credential, trusted, acts } = rule;
  const reads = onlyReads(request.method, null) && !acts;
  return {
    ...{ kind: "request", host: request.host, trusted, credential, reads },
    strangersText: !(trusted && rule.bundle === null),
  };
}
