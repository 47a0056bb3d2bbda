/**
 * What may leave a container beside requests to its model. The door asks before a byte of a request goes out; whoever
 * answers decides by rules, people and credentials. The door carries that out and knows none of them.
 */
import type { DoorSession } from "./door.ts";

/** Where a client wants to go, in its own words: nothing of it is resolved yet. */
export interface Destination {
  /** Lower case, ASCII (punycode), without a dot at its end; or an IP address, an IPv6 one without brackets. */
  host: string;
  port: number;
}

export interface EgressRequest extends Destination {
  scheme: "https" | "http";
  method: string;
  /** Path and query, as the request line has them. */
  path: string;
  /** The protocol that it wants to change to, such as "websocket"; null for none. */
  upgrade: string | null;
  /** Placeholders of credentials in its request line and headers (also inside Basic credentials), each once. */
  placeholders: string[];
}

/** What becomes of a CONNECT before its first byte. */
export type TunnelVerdict =
  /** TLS ends at the door, and each request inside is decided by itself: also where nothing is allowed, so that the client is told why. */
  | { do: "intercept" }
  /** Passed on unread, by a rule that says so. */
  | { do: "pass"; id: number; privateNetwork: boolean }
  | ({ do: "refuse" } & EgressRefusal);

export interface EgressRefusal {
  /** 403, 407 never; 429 where it may be asked again later. */
  status: number;
  /** For whoever runs inside: what was refused, by which rule, and how to ask for it. */
  message: string;
}

export type EgressVerdict =
  | {
      allow: true;
      /** Names this request in `ended`. */
      id: number;
      /** Whether the name may resolve to a private or loopback address: a rule names that very service. */
      privateNetwork: boolean;
      /** What its headers get, in place of what the client sent under those names. Never told to the container. */
      set: Record<string, string>;
      /** Query parameters that it gets, in place of those of the client. */
      query: Record<string, string>;
      /** What stands for each placeholder on the wire. */
      swap: Record<string, string>;
    }
  | ({ allow: false } & EgressRefusal);

/** How a request that was allowed came out. */
export interface EgressEnd {
  /** What the client was answered; 499 where it went away first, 101 for a tunnel or an upgrade. */
  status: number;
  /** Where it went, for the record; empty where no connection was made. */
  address: string;
  /** What went wrong; empty where nothing did. */
  why: string;
  requestBytes: number;
  responseBytes: number;
  ms: number;
}

export interface Egress {
  tunnel(session: DoorSession, to: Destination): Promise<TunnelVerdict>;
  /** May take as long as a person takes to answer. @param signal ends when the client went away. Never rejects. */
  decide(session: DoorSession, request: EgressRequest, signal: AbortSignal): Promise<EgressVerdict>;
  /** Once for each request and tunnel that was let through, when it is over. */
  ended(id: number, end: EgressEnd): void;
  /** A placeholder stood in the body of a request on its way out, which was cut off there. @param id of that request */
  leaked(id: number, placeholder: string): void;
  /** What the door refused by itself: it was not valid, or beyond the session's limits. Repetitions are merged. */
  refused(session: DoorSession, to: Destination | null, why: string, times: number): void;
}
