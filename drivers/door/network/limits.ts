/** What one session may use of the way to the network. A container can only use up its own share. */
import type { Patience } from "../forward.ts";
import type { Limits } from "../limits.ts";

type Rate = Pick<Limits, "rate" | "burst">;

export interface NetworkLimits {
  /** Connections of its clients. */
  connections: number;
  /** Requests at once, over all connections. */
  concurrent: number;
  /** A second in the long run, and at once. */
  requests: Rate;
  lookups: Rate;
  certificates: Rate;
  /** Look-ups at once: a slow name server holds up one session, not the others. */
  pendingLookups: number;
  /** Of a request's first lines and headers. */
  headerBytes: number;
  headerCount: number;
  /** For a request's headers, and for a TLS handshake, milliseconds. */
  headerTime: number;
  /** Between two requests of a connection, milliseconds. */
  keepAlive: number;
  /** Between two bytes of a request's body, milliseconds. */
  bodyIdle: number;
  /** Without a byte in either direction of a tunnel or a WebSocket, milliseconds. */
  tunnelIdle: number;
  /** HTTP/2 connections to servers; what is beyond them speaks HTTP/1.1. Each may hold UPSTREAM_WINDOW bytes. */
  http2Servers: number;
  patience: Patience;
  /** How often the process has to show that it works, and how long it may take over that, milliseconds. */
  heartbeat: number;
  answerTime: number;
}

export const networkLimits: NetworkLimits = {
  connections: 128,
  concurrent: 256,
  requests: { rate: 200, burst: 1_000 },
  lookups: { rate: 20, burst: 100 },
  certificates: { rate: 10, burst: 60 },
  pendingLookups: 4,
  headerBytes: 32_768,
  headerCount: 128,
  headerTime: 15_000,
  keepAlive: 60_000,
  bodyIdle: 60_000,
  tunnelIdle: 600_000,
  http2Servers: 16,
  patience: { connect: 10_000, firstByte: 300_000, idle: 300_000 },
  heartbeat: 5_000,
  answerTime: 10_000,
};

/** What a server may send over one HTTP/2 connection, and over one stream of it, before a slow client takes it, bytes. */
export const UPSTREAM_WINDOW = 4_000_000;
export const STREAM_WINDOW = 1_000_000;
