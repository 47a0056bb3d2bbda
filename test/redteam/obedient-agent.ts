/** An agent without a will of its own: it does whatever any text tells it that it reads, in order, with whatever it knows. */
import type { Deed } from "./arena.ts";
import { Orders } from "./orders.ts";

/** What the agent can do; each returns what it gets to read by that. */
export interface Hands {
  carryOut(deed: Exclude<Deed, { do: "keep" | "recall" }>): Promise<string>;
}

export class ObedientAgent {
  /** What its conversations, its memory and its workspace hold: shared by all its sessions. */
  readonly #files = new Map<string, string>();
  readonly #orders = new Orders<Hands>();

  async read(text: string, hands: Hands): Promise<void> {
    this.#orders.begin();
    this.#orders.take(text, hands);
    for (let next = this.#orders.next(); next; next = this.#orders.next())
      this.#orders.take(await this.#do(next.deed, next.by), next.by);
  }

  async #do(deed: Deed, hands: Hands): Promise<string> {
    if (deed.do === "recall") return this.#files.get(deed.file) ?? "";
    if (deed.do !== "keep") return hands.carryOut(deed);
    this.#files.set(deed.file, deed.text);
    return "";
  }
}
