/**
 * Keeps up one way of getting events: connects, does its rounds, and after a failure tries again by itself, ever more
 * slowly. What is wrong is said in words for the owner.
 */
import type { ChannelParts, Health } from "../../src/channels/channel.ts";
import { Misuse, messageOf, withHint } from "../../src/lib/errors.ts";
import { failureOf, isSignInProblem } from "./failures.ts";
import { pauseOf } from "./intake.ts";
import { lackingFor } from "./scopes.ts";
import type { BotIdentity, SlackApi } from "./web-api.ts";

const FIRST_PAUSE = 1_000;
/** Also after a refusal that only a person can end, milliseconds. */
const LONGEST_PAUSE = 60_000;
/** A connection that held so long broke for a reason of its own, milliseconds: what failed before it does not count. */
const HELD = 60_000;

/** A way of getting events. Its requests end with `stop`. */
export interface Way {
  connect(bot: BotIdentity, stop: AbortSignal): Promise<void>;
  /** Resolves when the way is up still, and is to be looked after again. @returns milliseconds until then */
  round(stop: AbortSignal): Promise<number>;
  /** What the owner should know although it is up; empty for nothing. */
  remark(): string;
  /** Resolves when nothing is being taken any more. */
  close(): Promise<void>;
}

/** What only a person can end. Its text is for the owner: what is wrong, and what to do. */
export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export interface ConnectionParts extends Pick<ChannelParts, "clock" | "log" | "random"> {
  api: SlackApi;
  /** It is being connected after it was not, and nothing has come in yet. */
  onConnecting(bot: BotIdentity, connected: Promise<void>, stop: AbortSignal): void;
}

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #way: Way;
  readonly #ended = new AbortController();
  #bot: BotIdentity | null = null;
  #upSince = 0;
  #health: Health = { state: "starting", detail: "connecting to Slack" };
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
    const { state, detail } = this.#health;
    const remark = state === "up" ? this.#way.remark() : "";
    return { state, detail: [detail, remark].filter(Boolean).join("; ") };
  }

  async #firstTry(): Promise<void> {
    let pause = 0;
    try {
      await this.#connect();
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble) throw new Misuse(trouble.message, trouble.hint);
      if (error instanceof Misuse) throw error;
      pause = this.#failed(error, 1);
    }
    this.#running = this.#run(pause);
  }

  async #connect(): Promise<void> {
    const { api, onConnecting } = this.#parts;
    const { signal: stop } = this.#ended;
    const bot = await api.identity(stop);
    const lacking = lackingFor(bot.scopes);
    if (lacking.vital.length > 0) throw lackOf(lacking.vital);
    const connected = this.#way.connect(bot, stop);
    onConnecting(bot, connected, stop);
    await connected;
    this.#bot = bot;
    this.#upSince = this.#parts.clock.now();
    const less =
      lacking.useful.length > 0 ? `; the app lacks scopes, so some things don't work: ${lacking.useful}` : "";
    this.#health = { state: "up", detail: `connected as @${bot.name} in ${bot.workspace || bot.team}${less}` };
  }

  async #run(firstPause: number): Promise<void> {
    const { signal: stop } = this.#ended;
    const { clock } = this.#parts;
    await pauseOf(clock, firstPause, stop);
    for (let failures = firstPause > 0 ? 1 : 0; !stop.aborted; ) {
      let pause = 0;
      try {
        if (!this.#bot) await this.#connect();
        pause = await this.#way.round(stop);
        failures = 0;
      } catch (error) {
        failures = this.#bot && clock.now() - this.#upSince >= HELD ? 1 : failures + 1;
        this.#bot = null;
        if (!stop.aborted) pause = this.#failed(error, failures);
      }
      await pauseOf(clock, pause, stop);
    }
  }

  /** @returns milliseconds until the next try */
  #failed(error: unknown, failures: number): number {
    const { log, random } = this.#parts;
    const failure = failureOf(error);
    log.warn({ code: failure.code, error: messageOf(error), failures }, "the connection to Slack is gone");
    const trouble = troubleOf(error);
    if (trouble) {
      this.#health = { state: "down", detail: withHint(trouble.message, trouble.hint) };
      return LONGEST_PAUSE;
    }
    // One that breaks is replaced at once: Slack ends each after some hours.
    if (failures === 1 && this.#health.state === "up") return failure.after ?? 0;
    this.#health = { state: "down", detail: `Slack gives no answer (${failure.message}); it is tried again by itself` };
    // Half of the grown pause is by chance, so that many don't come back at the same moment.
    const grown = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
    return Math.max(grown / 2 + (grown / 2) * random.fraction(), failure.after ?? 0);
  }
}

const lackOf = (scopes: string) =>
  new Trouble(
    `the Slack app lacks the scopes ${scopes}`,
    "Add them on Slack's page of the app, under OAuth & Permissions, and install the app again.",
  );

function troubleOf(error: unknown): Trouble | null {
  if (error instanceof Trouble) return error;
  const failure = failureOf(error);
  if (isSignInProblem(failure)) {
    return new Trouble(
      `Slack does not take the bot token (${failure.code})`,
      "Copy the Bot User OAuth Token from Slack's page of the app, under OAuth & Permissions, and add the channel again with it.",
    );
  }
  return failure.code === "missing_scope" ? lackOf(failure.needed || "that it needs") : null;
}
