/** Opens connections to servers: to an address that was checked, over TLS where the request is for https. */
import {
  createConnection,
  isIP,
  type LookupFunction,
  type NetConnectOpts,
  type OnReadOpts,
  type Socket,
} from "node:net";
import tls from "node:tls";
import { parseAddress, writeAddress } from "../../../packages/address-ranges/address.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { describeFailure } from "../describe-failure.ts";
import type { Resolver, Target } from "./resolve.ts";
import { Unreachable } from "./unreachable.ts";

export interface DialParts {
  resolver: Resolver;
  /** Whose certificates count. */
  trust: tls.SecureContext;
  clock: Clock;
  /** Longest that it may take, look-up excluded, milliseconds. */
  patience: number;
}

/**
 * @param protocols for TLS, the preferred first; null for a connection without it
 * @param onread how it is read, where not as a stream; it is then paused
 * @throws Unreachable
 */
export async function dial(
  parts: DialParts,
  target: Target,
  protocols: string[] | null,
  onread?: OnReadOpts,
): Promise<Socket> {
  const addresses = await parts.resolver.resolve(target);
  const { host, port } = target;
  const options: NetConnectOpts = {
    ...{ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true },
    lookup: pinnedTo(addresses),
    autoSelectFamily: true,
    // The usual 250 ms are too short for a busy or far server.
    autoSelectFamilyAttemptTimeout: 1_000,
    ...(onread && { onread }),
  };
  const socket =
    protocols === null
      ? createConnection(options)
      : tls.connect({
          ...options,
          secureContext: parts.trust,
          ALPNProtocols: protocols,
          ...(isIP(host) ? {} : { servername: host }),
        });
  if (onread) socket.pause();
  await connected(socket, protocols !== null, parts);
  // What the operating system says, in case the above was ever wrong.
  if (!addresses.some((address) => same(address, socket.remoteAddress ?? ""))) {
    socket.destroy();
    throw new Unreachable("the connection did not go where it was sent");
  }
  return socket;
}

/** In place of a second look-up. */
function pinnedTo(addresses: string[]): LookupFunction {
  return (_name, { all }, done) => {
    const list = addresses.map((address) => ({ address, family: isIP(address) }));
    if (all) done(null, list);
    else done(null, list[0]?.address ?? "", list[0]?.family);
  };
}

function connected(socket: Socket, secure: boolean, { clock, patience }: DialParts): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = clock.after(patience, () => fail(new Unreachable("it could not be reached in time", 504)));
    const fail = (error: Error) => {
      late.cancel();
      socket.destroy();
      reject(error instanceof Unreachable ? error : new Unreachable(describeFailure(error)));
    };
    socket.once("error", fail);
    const cut = () => fail(new Unreachable("the connection was cut"));
    socket.once("close", cut);
    socket.once(secure ? "secureConnect" : "connect", () => {
      late.cancel();
      socket.off("close", cut).off("error", fail);
      // Whoever uses it listens too; without a listener an error would end the process.
      socket.on("error", () => {});
      resolve();
    });
  });
}

function same(one: string, other: string): boolean {
  const [a, b] = [parseAddress(one), parseAddress(other)];
  return a !== null && b !== null && writeAddress(a) === writeAddress(b);
}
