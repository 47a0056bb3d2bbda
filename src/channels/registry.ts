/**
 * The channels that this installation has: the terminal, and those that were added as skills. Each is started, watched and
 * stopped by itself: one that can't work is down and says why, and the others go on.
 */
import type { Clock, Timer } from "../lib/clock.ts";
import { Misuse, messageOf, withHint } from "../lib/errors.ts";
import type { Random } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import type { ChannelMemory } from "../store/channel-memory.ts";
import type { Channel, ChannelHost, ChannelPackage, Health } from "./channel.ts";

/** Until a channel that could not be started is tried again, milliseconds: doubled from the first to the last. */
const FIRST_PAUSE = 5_000;
const LAST_PAUSE = 5 * 60_000;

export interface RegistryParts {
  /** Those that are always there. */
  builtIn: Channel[];
  clock: Clock;
  random: Random;
  log: Log;
  memory: ChannelMemory;
  /** The code of a channel that was added. @throws Misuse where it is not there or its packages are missing */
  load(id: string): Promise<ChannelPackage>;
  /** What the vault has for a channel; null for nothing. */
  credentials(id: string): Record<string, string> | null;
  /** A channel came up: what waits for it may go. */
  onUp(): void;
}

interface Added {
  channel: Channel | null;
  health: Health;
  timer: Timer | null;
  pause: number;
}

export class ChannelRegistry {
  readonly #parts: RegistryParts;
  readonly #added = new Map<string, Added>();
  #host: ChannelHost | null = null;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  get(id: string): Channel | undefined {
    return this.#parts.builtIn.find((channel) => channel.id === id) ?? this.#added.get(id)?.channel ?? undefined;
  }

  health(): (Health & { id: string })[] {
    const builtIn = this.#parts.builtIn.map((channel) => ({ id: channel.id, ...channel.health() }));
    return [
      ...builtIn,
      ...[...this.#added].map(([id, added]) => ({ id, ...(added.channel?.health() ?? added.health) })),
    ];
  }

  /** @param ids those that were added: they come up in their own time, and nothing waits for them. */
  async start(host: ChannelHost, ids: string[]): Promise<void> {
    this.#host = host;
    for (const channel of this.#parts.builtIn) await channel.start(host);
    for (const id of ids) void this.add(id);
  }

  /** Starts a channel, again where it runs already: it may have other credentials now. @returns how it is */
  async add(id: string): Promise<Health> {
    const before = this.#added.get(id);
    const added: Added = { channel: null, health: { state: "starting", detail: "" }, timer: null, pause: FIRST_PAUSE };
    // Known before anything is waited for: whoever removes it meanwhile removes this one.
    this.#added.set(id, added);
    await this.#end(id, before);
    await this.#tryStart(id, added);
    return added.channel?.health() ?? added.health;
  }

  async remove(id: string): Promise<void> {
    const added = this.#added.get(id);
    this.#added.delete(id);
    await this.#end(id, added);
  }

  async #end(id: string, added: Added | undefined): Promise<void> {
    added?.timer?.cancel();
    try {
      await added?.channel?.stop();
    } catch (error) {
      this.#parts.log.warn({ channel: id, error: messageOf(error) }, "the channel did not stop as it should");
    }
  }

  async stop(): Promise<void> {
    this.#host = null;
    await Promise.all([...this.#added.keys()].map((id) => this.remove(id)));
    for (const channel of this.#parts.builtIn) await channel.stop();
  }

  async #tryStart(id: string, added: Added): Promise<void> {
    const { clock, log, random, memory, load, credentials, onUp } = this.#parts;
    const host = this.#host;
    if (!host || this.#added.get(id) !== added) return;
    let channel: Channel | null = null;
    try {
      const known = await load(id);
      const parsed = known.credentials.safeParse(credentials(id) ?? {});
      if (!parsed.success) throw new Misuse("its credentials are missing", `Set them with \`ncl skills add ${id}\`.`);
      const given = Object.entries(parsed.data).filter((entry): entry is [string, string] => entry[1] !== undefined);
      channel = known.open({
        credentials: Object.fromEntries(given),
        ...{ clock, random, log: log.child({ channel: id }) },
        memory: memory.of(id),
      });
      await channel.start(host);
      if (this.#added.get(id) !== added) return await channel.stop();
      added.channel = channel;
      onUp();
    } catch (error) {
      await channel?.stop().catch(() => {});
      const hint = error instanceof Misuse ? error.hint : "";
      added.health = { state: "down", detail: withHint(messageOf(error), hint) };
      log.warn({ channel: id, error: messageOf(error) }, "the channel could not be started");
      // What a person has to mend is not tried again by itself: they add it anew.
      if (error instanceof Misuse) return;
      added.timer = clock.after(added.pause, () => void this.#tryStart(id, added));
      added.pause = Math.min(2 * added.pause, LAST_PAUSE);
    }
  }
}
