/**
 * What people do on a platform, on its way to the host: handed over until it is acknowledged, at times late, twice or out
 * of order.
 */
import type { Acceptance, ChannelEvent, ChannelHost } from "../../../src/channels/channel.ts";
import type { Life } from "../base/life.ts";
import type { World } from "./world.ts";

interface Update {
  event: ChannelEvent;
  acknowledged: boolean;
  /** Its place in the order in which people did it. */
  place: number;
  /** How often it came to the host. */
  came: number;
}

export interface Listener {
  life: Life;
  host: ChannelHost;
}

/** What was not acknowledged for so long is handed over again, milliseconds. */
const HAND_OVER_AGAIN = 3_000;

export class Updates {
  readonly #world: World;
  readonly #reachable: () => boolean;
  /** Called when the host has answered an event. */
  readonly #answered: (event: ChannelEvent, acceptance: Acceptance) => void;
  #listener: Listener | null = null;
  #updates: Update[] = [];
  #made = 0;
  /** The latest that has come to the host. */
  #latest = 0;

  constructor(world: World, reachable: () => boolean, answered: (event: ChannelEvent, acceptance: Acceptance) => void) {
    this.#world = world;
    this.#reachable = reachable;
    this.#answered = answered;
  }

  get listener(): Listener | null {
    return this.#listener;
  }

  /** Whether everything was acknowledged. */
  get settled(): boolean {
    return this.#updates.length === 0;
  }

  /** A process of the host listens from now on, or nobody does. */
  listen(listener: Listener | null): void {
    this.#listener = listener;
    for (const update of this.#updates) this.#handOver(update);
  }

  add(event: ChannelEvent): void {
    this.#made += 1;
    const update: Update = { event, acknowledged: false, place: this.#made, came: 0 };
    this.#updates.push(update);
    this.#handOver(update);
  }

  #handOver(update: Update): void {
    const listener = this.#listener;
    if (!listener || update.acknowledged) return;
    const { time, rng, calm } = this.#world;
    const lag = !calm && rng.chance(0.1) ? 2_000 : 40;
    time.after(listener.life, rng.int(1, lag), () => {
      if (!this.#reachable()) return;
      this.#count(update);
      listener.host.accept(update.event).then(
        (acceptance) => {
          this.#answered(update.event, acceptance);
          const late = !this.#world.calm && rng.chance(0.1) ? 2 * HAND_OVER_AGAIN : 20;
          const after = rng.int(1, late);
          if (after > HAND_OVER_AGAIN) this.#world.tally.count("an acknowledgement came too late");
          time.after(this.#world.outside, after, () => this.#acknowledge(update));
        },
        () => {},
      );
    });
    time.after(this.#world.outside, lag + HAND_OVER_AGAIN, () => this.#handOver(update));
  }

  #count(update: Update): void {
    const { tally } = this.#world;
    update.came += 1;
    if (update.came > 1) tally.count("an update came again");
    else if (update.place < this.#latest) tally.count("an update overtook another");
    this.#latest = Math.max(this.#latest, update.place);
  }

  #acknowledge(update: Update): void {
    update.acknowledged = true;
    this.#updates = this.#updates.filter((one) => one !== update);
    if (this.#world.calm || !this.#world.rng.chance(0.05)) return;
    // Platforms do that after a failure of their own.
    update.acknowledged = false;
    this.#updates.push(update);
    this.#handOver(update);
  }
}
