/**
 * Rules for the proof's own gateway, as if a careless person had allowed this machine by every name: what stops a
 * request then is the door alone. Nothing else is let through, so that no proof opens a way out.
 */
import type { Egress } from "../../src/gateway/egress.ts";

/** Ways to write the address of this machine. */
export const PRIVATE = [
  ...["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0.0.0.0", "::"],
  ...["127.1", "2130706433", "0x7f000001", "0177.0.0.1"],
];

const NOTHING = { set: {}, query: {}, swap: {} };

/** @param privateNetwork true only where a test takes the control away */
export function privateOnly(privateNetwork = false): Egress {
  const refusal = { status: 403, message: "a proof lets nothing out" };
  return {
    tunnel: async (_session, { host }) =>
      PRIVATE.includes(host) ? { do: "pass", id: 0, privateNetwork } : { do: "refuse", ...refusal },
    decide: async (_session, { host }) =>
      PRIVATE.includes(host) ? { allow: true, id: 0, privateNetwork, ...NOTHING } : { allow: false, ...refusal },
    ended() {},
    leaked() {},
    refused() {},
  };
}
