/**
 * What the host and the process of the door say to each other. What the process says is checked: it has read bytes of
 * containers. The connections themselves are handed over beside the messages.
 */
import { z } from "zod";
import type { EgressVerdict, TunnelVerdict } from "../../../src/gateway/egress.ts";
import type { AuthorityText } from "./leaves.ts";
import type { NetworkLimits } from "./limits.ts";

export interface Beginning {
  do: "begin";
  authority: AuthorityText;
  /** Certificates that servers may use beside the usual ones, as PEM. */
  trust: string[];
  limits: NetworkLimits;
}

export type ToDoor =
  | Beginning
  /** With the connection. @param early bytes that came with its first request, base64 */
  | { do: "connection"; n: number; session: string; early: string }
  /** The host has closed its copy of the connection: from now on nobody else reads from it. */
  | { do: "go"; n: number }
  | { do: "answer"; ask: number; verdict: EgressVerdict | TunnelVerdict }
  | { do: "close"; session: string }
  | { do: "ping"; n: number };

const text = z.string().max(70_000);
const count = z.int().min(0);
const session = z.string().max(200);
const destination = { host: z.string().min(1).max(255), port: z.int().min(1).max(65_535) };

export const fromDoor = z.discriminatedUnion("do", [
  z.object({ do: z.literal("pong"), n: count, connections: count }),
  /** A connection is here. */
  z.object({ do: z.literal("taken"), n: count }),
  z.object({ do: z.literal("tunnel"), ask: count, session, to: z.object(destination) }),
  z.object({
    do: z.literal("decide"),
    ask: count,
    session,
    request: z.object({
      ...destination,
      scheme: z.enum(["https", "http"]),
      method: z.string().max(32),
      path: text,
      upgrade: z.string().max(32).nullable(),
      placeholders: z.array(z.string().max(64)).max(2_000),
    }),
  }),
  /** Whoever asked does not wait for the answer any more. */
  z.object({ do: z.literal("gone"), ask: count }),
  z.object({
    do: z.literal("ended"),
    session,
    id: z.number(),
    end: z.object({
      status: count,
      address: z.string().max(64),
      why: text,
      requestBytes: count,
      responseBytes: count,
      ms: z.number(),
    }),
  }),
  z.object({ do: z.literal("leaked"), session, id: z.number(), placeholder: z.string().max(64) }),
  z.object({ do: z.literal("refused"), session, to: z.object(destination).nullable(), why: text, times: count }),
]);
export type FromDoor = z.infer<typeof fromDoor>;
