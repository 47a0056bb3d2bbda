/** Hands on one record for each request; equal refusals are merged, or a container could fill the audit log with them. */

import type { RequestRecord } from "../../src/gateway/door.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";

/** Equal refusals within so many milliseconds are one record: the first at once, the others together at the end. */
const WINDOW = 60_000;
/** Kinds of refusal that are told apart within a window. */
const MAX_KINDS = 20;

export class RecordBook {
  readonly #clock: Clock;
  readonly #record: (record: RequestRecord) => void;
  readonly #repeated = new Map<string, RequestRecord>();
  #timer: Timer | null = null;

  constructor(clock: Clock, record: (record: RequestRecord) => void) {
    this.#clock = clock;
    this.#record = record;
  }

  add(record: RequestRecord): void {
    if (record.decision === "allow") {
      this.#record(record);
      return;
    }
    const key = this.#repeated.size < MAX_KINDS ? record.why : "others";
    const known = this.#repeated.get(key);
    if (known) {
      this.#repeated.set(key, { ...record, times: known.times + 1 });
      return;
    }
    this.#repeated.set(key, { ...record, times: 0 });
    this.#timer ??= this.#clock.after(WINDOW, () => this.flush());
    this.#record(record);
  }

  /** Hands on what is still held. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const held = [...this.#repeated.values()].filter((record) => record.times > 0);
    this.#repeated.clear();
    for (const record of held) this.#record(record);
  }
}
