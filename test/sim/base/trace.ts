/** What happened, line by line: hashed, so that two runs can be compared, and kept or shown when somebody looks. */
import { createHash } from "node:crypto";
import type { Log } from "../../../src/lib/log.ts";

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #now: () => number;
  readonly #show: ((line: string) => void) | null;
  readonly #hide: string;

  /** @param hide a text, different in each run, that is left out of every line. */
  constructor(options: { now: () => number; hide: string; show: ((line: string) => void) | null }) {
    this.#now = options.now;
    this.#hide = options.hide;
    this.#show = options.show;
  }

  add(who: string, text: string): void {
    const line = `${(this.#now() / 1000).toFixed(3).padStart(9)} ${who.padEnd(10)} ${text.replaceAll(this.#hide, "")}`;
    this.#hash.update(`${line}\n`);
    this.#show?.(line);
  }

  /** The hash of everything so far. */
  digest(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  /** A log whose lines become part of the trace. */
  log(who: string, bindings: Record<string, unknown> = {}): Log {
    const at = (level: string) => (first: unknown, text?: string) => {
      const [detail, message] = typeof first === "string" ? [{}, first] : [first as object, text ?? ""];
      this.add(who, `${level} ${message} ${JSON.stringify({ ...bindings, ...detail })}`);
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (more) => this.log(who, { ...bindings, ...more }),
    };
  }
}
