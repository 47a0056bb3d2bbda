/** What the door asks for one session: `Egress` of src/gateway/egress.ts, with the session left out. */
import type {
  Destination,
  EgressEnd,
  EgressRequest,
  EgressVerdict,
  TunnelVerdict,
} from "../../../src/gateway/egress.ts";

export interface SessionEgress {
  /** Never rejects, as the next one. */
  tunnel(to: Destination): Promise<TunnelVerdict>;
  decide(request: EgressRequest, signal: AbortSignal): Promise<EgressVerdict>;
  ended(id: number, end: EgressEnd): void;
  leaked(id: number, placeholder: string): void;
  refused(to: Destination | null, why: string, times: number): void;
}
