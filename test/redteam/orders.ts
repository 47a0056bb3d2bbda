/** What texts have told an agent to do, in order. What needs a secret that it does not know yet waits until it does. */
import { type Deed, filledWith } from "./arena.ts";

/** Deeds for one beginning at most, what follows from what it reads included: two pages that name each other must end. */
const MOST_DEEDS = 60;

interface Order<By> {
  deed: Deed;
  by: By;
}

export class Orders<By> {
  #secret: string | null = null;
  #todo: Order<By>[] = [];
  #waiting: Order<By>[] = [];
  #left = MOST_DEEDS;

  /** What is not done yet never will be, but for what waits for the secret. */
  begin(): void {
    this.#todo = [];
    this.#left = MOST_DEEDS;
  }

  /** @param by comes back with what these words tell to do */
  take(words: string, by: By): void {
    this.#secret = /SECRET:([a-z0-9]+)/.exec(words)?.[1] ?? this.#secret;
    if (this.#secret !== null) this.#todo.push(...this.#waiting.splice(0));
    for (const [, json = ""] of words.matchAll(/^DO (\{.*\})$/gm))
      this.#todo.push({ deed: JSON.parse(json) as Deed, by });
  }

  /** @returns what is to be done now, with what is known filled in; null where there is nothing */
  next(): Order<By> | null {
    for (let next = this.#todo.shift(); next && this.#left > 0; next = this.#todo.shift()) {
      this.#left -= 1;
      const { deed, by } = next;
      if (this.#secret === null && /\{secret/.test(JSON.stringify(deed))) this.#waiting.push(next);
      // What is only passed on is filled in by whoever does it.
      else
        return { deed: deed.do === "schedule" || deed.do === "keep" ? deed : filledWith(deed, this.#secret ?? ""), by };
    }
    return null;
  }
}
