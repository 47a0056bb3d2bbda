/**
 * Keeps up one way of getting updates: connects, does its rounds, and after a failure tries again by itself, ever more
 * slowly. What is wrong is said in words for the owner.
 */
import type { ChannelParts, Health } from "../../src/channels/channel.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { BotApi } from "./bot-api.ts";
import { BotFailure, failureOf } from "./failures.ts";
import type { BotIdentity } from "./incoming.ts";

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** After a refusal that only a person can end. */
const HOPELESS_PAUSE = 5 * 60_000;

const NEW_TOKEN = "Ask BotFather in Telegram for the bot's token and add the channel again with it.";

export interface ConnectionParts extends Pick<ChannelParts, "clock" | "log" | "random" | "memory"> {
  api: BotApi;
  /** Resolves once the update is taken for good; throws where it is to come again. */
  take(update: unknown, bot: BotIdentity): Promise<void>;
}

/** A way of getting updates. Its requests end with `stop`. */
export interface Way {
  connect(bot: BotIdentity, stop: AbortSignal): Promise<void>;
  /** @returns milliseconds until the next round. @throws Trouble where the owner must do something */
  round(bot: BotIdentity, stop: AbortSignal): Promise<number>;
  /** Resolves when no update is being taken any more. */
  close(): Promise<void>;
}

/** Its text is for the owner: what is wrong, and what to do. */
export class Trouble extends Error {
  override readonly name = "Trouble";
}

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #way: Way;
  readonly #ended = new AbortController();
  #bot: (BotIdentity & { health: string }) | null = null;
  #health: Health = { state: "starting", detail: "connecting to Telegram" };
  #starting: Promise<void> = Promise.resolve();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ConnectionParts, way: Way) {
    this.#parts = parts;
    this.#way = way;
  }

  /** Resolves after the first try. @throws Misuse where it can't work as it is set up */
  start(): Promise<void> {
    this.#starting = this.#firstTry();
    return this.#starting;
  }

  /** Also while it still starts. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#starting.catch(() => {});
    await Promise.all([this.#running, this.#way.close()]);
    this.#health = { state: "stopped", detail: "" };
  }

  health(): Health {
    return this.#health;
  }

  async #firstTry(): Promise<void> {
    let pause = 0;
    try {
      await this.#connect();
    } catch (error) {
      const { code } = failureOf(error);
      if (code === 401 || code === 404) throw new Misuse("Telegram does not know this bot token", NEW_TOKEN);
      if (error instanceof Misuse) throw error;
      pause = this.#failed(error, 1);
    }
    this.#running = this.#run(pause);
  }

  async #connect(): Promise<BotIdentity & { health: string }> {
    const { signal: stop } = this.#ended;
    const me = await this.#parts.api.call((raw, signal) => raw.getMe(signal), undefined, stop);
    const reads = me.can_read_all_group_messages ? "" : "; in groups it sees commands, mentions and answers to it only";
    const bot = { id: me.id, username: me.username, health: `connected as @${me.username}${reads}` };
    await this.#way.connect(bot, stop);
    this.#bot = bot;
    this.#health = { state: "up", detail: bot.health };
    return bot;
  }

  async #run(firstPause: number): Promise<void> {
    const { signal: stop } = this.#ended;
    await this.#pause(firstPause);
    for (let failures = firstPause > 0 ? 1 : 0; !stop.aborted; ) {
      let pause = 0;
      try {
        const bot = this.#bot ?? (await this.#connect());
        pause = await this.#way.round(bot, stop);
        failures = 0;
        this.#health = { state: "up", detail: bot.health };
      } catch (error) {
        failures += 1;
        if (!stop.aborted) pause = this.#failed(error, failures);
      }
      await this.#pause(pause);
    }
  }

  /** @returns milliseconds until the next try */
  #failed(error: unknown, failures: number): number {
    const { log, random } = this.#parts;
    // Half of the grown pause is by chance, so that many bots don't come back at the same moment.
    const grown = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
    const pause = grown / 2 + (grown / 2) * random.fraction();
    const down = (detail: string) => {
      this.#health = { state: "down", detail };
    };
    if (error instanceof Trouble) down(error.message);
    if (!(error instanceof BotFailure)) {
      log.warn({ error: messageOf(error) }, "an update could not be taken; it comes again");
      return pause;
    }
    log.warn({ code: error.code, error: error.message, failures }, "Telegram gave no updates");
    // Then connecting anew tells at once when it is back; a question for updates may be held for long.
    if (error.code === null || error.code >= 500) this.#bot = null;
    if (error.code === 401 || error.code === 404) {
      down(`Telegram does not take the bot's token any more: it was revoked. ${NEW_TOKEN}`);
      return HOPELESS_PAUSE;
    }
    if (error.code === 409) {
      down(
        "Another program asks for this bot's messages too. Stop it, or let BotFather revoke the token and use the new one here.",
      );
    } else if (failures > 1 || this.#health.state === "starting") {
      down(`Telegram gives no answer (${error.message}); it is tried again by itself`);
    }
    return Math.max(pause, error.after ?? 0);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#ended;
    if (ms <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.#parts.clock.after(ms, end);
      signal.addEventListener("abort", end);
    });
  }
}
