/** What people are called. Slack's events name them by id only, so each is asked for once in a while. */
import type { Clock } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { SlackApi } from "./web-api.ts";

/** How long a name is good, and how long a failure to get one, milliseconds. */
const GOOD_FOR = 60 * 60_000;
const FAILED_FOR = 60_000;
const MOST_KNOWN = 2_000;
const MOST_NAME = 200;

interface Known {
  name: Promise<string>;
  until: number;
}

export class People {
  readonly #parts: { api: SlackApi; clock: Clock; log: Log };
  /** The one that was asked for last is last. */
  readonly #known = new Map<string, Known>();

  constructor(parts: { api: SlackApi; clock: Clock; log: Log }) {
    this.#parts = parts;
  }

  /** What somebody is called whose name need not be asked for: the bot itself. */
  know(id: string, name: string): void {
    this.#known.set(id, { name: Promise.resolve(name), until: Number.POSITIVE_INFINITY });
  }

  /** What a person is called; their id where Slack does not say. Never rejects. */
  name(id: string): Promise<string> {
    const { clock } = this.#parts;
    const known = this.#known.get(id);
    if (known && known.until > clock.now()) return known.name;
    const asked: Known = { name: this.#ask(id, () => this.#failed(asked)), until: clock.now() + GOOD_FOR };
    this.#known.delete(id);
    this.#known.set(id, asked);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return asked.name;
  }

  async #ask(id: string, failed: () => void): Promise<string> {
    const { api, log } = this.#parts;
    try {
      const { user } = await api.call((client) => client.users.info({ user: id }));
      const name = user?.profile?.display_name || user?.real_name || user?.profile?.real_name || user?.name || id;
      return (
        name
          .replace(/\p{Cc}/gu, " ")
          .trim()
          .slice(0, MOST_NAME)
          .toWellFormed() || id
      );
    } catch (error) {
      log.debug({ error: messageOf(error) }, "Slack did not say what somebody is called");
      failed();
      return id;
    }
  }

  #failed(asked: Known): void {
    asked.until = this.#parts.clock.now() + FAILED_FOR;
  }
}
