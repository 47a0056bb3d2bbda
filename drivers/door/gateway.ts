/** The gateway: one door for each session, and what the doors share. Default deny. */
import { join } from "node:path";
import { anthropicBundle } from "../../src/gateway/bundle.ts";
import type {
  Credential,
  Door,
  DoorHooks,
  DoorSession,
  OpenDoor,
  RequestIntent,
  RequestRecord,
  Upstream,
} from "../../src/gateway/door.ts";
import type { Meter } from "../../src/gateway/meter.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import { Inspectors } from "./inspector.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { loadAuthority, trustFiles } from "./network/authority.ts";
import { type NetworkLimits, networkLimits } from "./network/limits.ts";
import { NetworkDoor, type NetworkDoorParts } from "./network/network-door.ts";
import { SessionDoor } from "./session-door.ts";
import { Upstreams } from "./upstream.ts";

export interface GatewayParts {
  /** Where model requests go, asked for each request. */
  upstream(): Upstream;
  /** A secret of the vault by name; null where there is none. */
  credential(name: string): Promise<Credential | null>;
  /** Before a request goes out: see src/gateway/door.ts. Rejects where that can't be recorded; then it does not go. */
  intend(request: RequestIntent): Promise<number | null>;
  record(record: RequestRecord): void;
  meter: Meter;
  /** The way to the rest of the network; without it nothing but the model is reached. */
  network?: NetworkParts;
  log: Log;
  clock?: Clock;
  limits?: Limits;
  /** Certificates that upstreams may use beside the usual ones, as PEM. */
  trust?: string[];
}

export interface NetworkParts extends Pick<NetworkDoorParts, "egress" | "program"> {
  /** Where the key of the certificate authority is: outside the project, and of this account alone. */
  keysDir: string;
  limits?: NetworkLimits;
}

export class Gateway implements Door {
  readonly #parts: GatewayParts;
  readonly #clock: Clock;
  readonly #upstreams: Upstreams;
  readonly #inspector: Inspectors;
  readonly #network: NetworkDoor | null;
  #trusted: Record<string, string> | null = null;
  readonly #open = new Set<OpenDoor>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#upstreams = new Upstreams(parts.trust);
    this.#inspector = new Inspectors(anthropicBundle.body, this.#clock, parts.log);
    const { network, log, trust = [] } = parts;
    this.#network = network
      ? new NetworkDoor({
          ...{ limits: networkLimits, ...network, log, trust, clock: this.#clock },
          authority: () => loadAuthority(network.keysDir, this.#clock),
        })
      : null;
  }

  async open(session: DoorSession, dir: string, hooks: DoorHooks): Promise<OpenDoor> {
    const { upstream, credential, intend, record, meter, log, limits = defaultLimits } = this.#parts;
    const door = new SessionDoor(session, join(dir, "session.sock"), hooks, {
      ...{ upstream, credential, intend, record, meter, limits, clock: this.#clock, upstreams: this.#upstreams },
      bundles: [anthropicBundle],
      inspector: this.#inspector,
      network: this.#network,
      log: log.child({ session: session.id }),
      onActivity: () => this.#inspector.warm(),
    });
    await door.listen();
    this.#open.add(door);
    this.#inspector.warm();
    const close = async () => {
      this.#open.delete(door);
      this.#network?.closeSession(session.id);
      await door.close();
      if (this.#open.size === 0) this.#rest();
    };
    return {
      ring: () => door.ring(),
      get connected() {
        return door.connected;
      },
      close,
    };
  }

  /** The process of the way to the network; 0 where none runs. */
  get networkPid(): number {
    return this.#network?.pid ?? 0;
  }

  trust(): Record<string, string> {
    const { network } = this.#parts;
    if (!network) return {};
    this.#trusted ??= trustFiles(loadAuthority(network.keysDir, this.#clock));
    return this.#trusted;
  }

  /** Without an open door nothing needs to stay. */
  #rest(): void {
    this.#inspector.close();
    this.#network?.close();
    this.#upstreams.close();
  }
}
