/**
 * From a host to the addresses that a connection may go to. A name is looked up once for each connection, and the
 * connection goes to what was checked here: nothing looks it up again, so a name that changes its mind gains nothing.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { specialKind } from "../../../packages/address-ranges/ranges.ts";
import type { Destination } from "../../../src/gateway/egress.ts";
import { type Clock, inTime } from "../../../src/lib/clock.ts";
import { TokenBucket } from "../limits.ts";
import type { NetworkLimits } from "./limits.ts";
import { Unreachable } from "./unreachable.ts";

/** All addresses of a name. */
export type LookUp = (name: string) => Promise<string[]>;

export interface Target extends Destination {
  /** Whether it may be an address that is not one of the public internet. */
  privateNetwork: boolean;
}

/** Longest that a name may take, milliseconds. */
const DEADLINE = 8_000;
/** Look-ups of a session that wait for their turn. */
const MAX_WAITING = 100;

/** By the system's own ways: its hosts file too. */
export const systemLookUp: LookUp = async (name) =>
  (await lookup(name, { all: true, order: "verbatim" })).map(({ address }) => address);

/** Of one session, bounded. */
export class Resolver {
  readonly #lookUp: LookUp;
  readonly #clock: Clock;
  readonly #limits: NetworkLimits;
  readonly #bucket: TokenBucket;
  readonly #waiting: (() => void)[] = [];
  #pending = 0;

  constructor(lookUp: LookUp, clock: Clock, limits: NetworkLimits) {
    this.#lookUp = lookUp;
    this.#clock = clock;
    this.#limits = limits;
    this.#bucket = new TokenBucket(clock, limits.lookups);
  }

  /** @throws Unreachable with the reason; never resolves to none */
  async resolve({ host, privateNetwork }: Target): Promise<string[]> {
    const found = isIP(host) ? [host] : await this.#ask(host);
    const allowed = privateNetwork
      ? found.filter((address) => isIP(address))
      : found.filter((address) => specialKind(address) === null);
    const [first] = found;
    if (first === undefined) throw new Unreachable("its name has no address");
    if (allowed.length === 0) {
      throw new Unreachable(
        `its address ${first} is not of the public internet (${specialKind(first)}), and no rule names this very service with the private network`,
        403,
      );
    }
    return allowed;
  }

  async #ask(name: string): Promise<string[]> {
    const tooMany = this.#waiting.length >= MAX_WAITING || !this.#bucket.take();
    if (tooMany) throw new Unreachable("too many names are being looked up", 429);
    if (this.#pending >= this.#limits.pendingLookups) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#pending += 1;
    const found = this.#lookUp(name);
    // One that takes longer than anybody waits still takes its place.
    const over = () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#pending -= 1;
    };
    found.then(over, over);
    try {
      const late = () => new Unreachable("its name was not looked up in time", 504);
      return await inTime(this.#clock, DEADLINE, found, late);
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      const { code } = error as NodeJS.ErrnoException;
      const why =
        code === "ENOTFOUND"
          ? "its name is not known"
          : `its name could not be looked up (${code ?? "no reason given"})`;
      throw new Unreachable(why);
    }
  }
}
