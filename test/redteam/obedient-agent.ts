/**
 * An agent without a will of its own: it does whatever any text tells it that it reads, in order, with whatever it knows. What
 * needs a secret that it does not know yet waits until it does.
 */
import { type Deed, filledWith } from "./arena.ts";

/** What the agent can do; each returns what it gets to read by that. */
export interface Hands {
  carryOut(deed: Exclude<Deed, { do: "keep" | "recall" }>): Promise<string>;
}

/** Deeds for one text at most, what follows from what it reads included: two pages that name each other must end. */
const MOST_DEEDS = 60;

export class ObedientAgent {
  /** What its conversations, its memory and its workspace hold: shared by all its sessions. */
  readonly #files = new Map<string, string>();
  #secret: string | null = null;
  #waiting: { deed: Deed; hands: Hands }[] = [];

  async read(text: string, hands: Hands): Promise<void> {
    let left = MOST_DEEDS;
    const todo: { deed: Deed; hands: Hands }[] = [];
    const take = (words: string, by: Hands) => {
      this.#secret = /SECRET:([a-z0-9]+)/.exec(words)?.[1] ?? this.#secret;
      if (this.#secret !== null) todo.push(...this.#waiting.splice(0));
      for (const [, json = ""] of words.matchAll(/^DO (\{.*\})$/gm))
        todo.push({ deed: JSON.parse(json) as Deed, hands: by });
    };
    take(text, hands);
    for (let next = todo.shift(); next && left > 0; next = todo.shift(), left -= 1) {
      if (this.#secret === null && /\{secret/.test(JSON.stringify(next.deed))) this.#waiting.push(next);
      else take(await this.#do(next.deed, next.hands), next.hands);
    }
  }

  async #do(template: Deed, hands: Hands): Promise<string> {
    // What is only passed on is filled in by whoever does it.
    const deed =
      template.do === "schedule" || template.do === "keep" ? template : filledWith(template, this.#secret ?? "");
    if (deed.do === "recall") return this.#files.get(deed.file) ?? "";
    if (deed.do !== "keep") return hands.carryOut(deed);
    this.#files.set(deed.file, deed.text);
    return "";
  }
}
