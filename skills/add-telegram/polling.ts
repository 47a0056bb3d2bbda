/**
 * Asks Telegram for updates by long polling. An update counts as taken, for Telegram and in our own memory, only once
 * `take` resolved; one that was not taken comes again.
 */
import { sleep } from "../../src/lib/clock.ts";
import { endsWithAlbum, joinAlbums, type Numbered } from "./albums.ts";
import type { ConnectionParts, Way } from "./connection.ts";
import type { BotIdentity } from "./incoming.ts";
import { ALLOWED_UPDATES } from "./updates.ts";

/** How long Telegram may hold a question before it answers "nothing", and how much longer we wait for that. */
const HOLD_SECONDS = 25;
const GRACE = 10_000;
/** Least time for an empty answer: a server that does not hold questions must not be asked in a circle. */
const LEAST_PAUSE = 250;
/** Until the rest of an album is asked for, and how often at most. */
const ALBUM_PAUSE = 700;
const ALBUM_TRIES = 5;
/**
 * After a week without updates Telegram may go on with any number, so an older place in the row says nothing.
 * Without one it gives whatever nobody has taken yet.
 */
const PLACE_HOLDS = 24 * 60 * 60_000;

/** Where we are in the row of updates of one bot. */
interface Place {
  bot: number;
  /** Number of the next update that was not taken. */
  next: number;
  at: number;
}

export class Polling implements Way {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Telegram does not answer questions while it has an address to send updates to. */
  async connect(_: BotIdentity, stop: AbortSignal): Promise<void> {
    const { api } = this.#parts;
    await api.call((raw, signal) => raw.deleteWebhook({ drop_pending_updates: false }, signal), undefined, stop);
  }

  /** Asks once and takes what comes, in order. */
  async round(bot: BotIdentity, stop: AbortSignal): Promise<number> {
    const { clock, take } = this.#parts;
    const began = clock.now();
    const next = this.#next(bot.id);
    const updates = await this.#ask(next, stop);
    for (const { update, last } of joinAlbums(updates)) {
      if (stop.aborted) break;
      await take(update, bot);
      this.#remember({ bot: bot.id, next: Math.max(last + 1, next ?? 0), at: clock.now() });
    }
    return updates.length > 0 ? 0 : began + LEAST_PAUSE - clock.now();
  }

  /** What is not acknowledged is told again, so an album that is still coming in is asked for once more, whole. */
  async #ask(next: number | null, stop: AbortSignal): Promise<Numbered[]> {
    const { api, clock } = this.#parts;
    const limit = HOLD_SECONDS * 1000 + GRACE;
    const ask = async (timeout: number) => {
      const question = { timeout, allowed_updates: ALLOWED_UPDATES, ...(next === null ? {} : { offset: next }) };
      const updates = await api.call((raw, signal) => raw.getUpdates(question, signal), limit, stop);
      return updates.toSorted((a, b) => a.update_id - b.update_id);
    };
    let updates = await ask(HOLD_SECONDS);
    for (let tries = 0; tries < ALBUM_TRIES && endsWithAlbum(updates) && !stop.aborted; tries++) {
      await sleep(clock, ALBUM_PAUSE);
      const again = await ask(0);
      if (again.length <= updates.length) break;
      updates = again;
    }
    return updates;
  }

  async close(): Promise<void> {}

  #next(bot: number): number | null {
    const { memory, clock } = this.#parts;
    const text = memory.get("updates");
    const place = text === null ? null : (JSON.parse(text) as Place);
    return place && place.bot === bot && clock.now() - place.at < PLACE_HOLDS ? place.next : null;
  }

  #remember(place: Place): void {
    this.#parts.memory.set("updates", JSON.stringify(place));
  }
}
