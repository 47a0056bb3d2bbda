/** What is kept of each agent's quota, as settings: its limit, and what it was last found to hold. */
import { z } from "zod";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import { type Found, type Size, USUAL } from "./limits.ts";

const count = z.number().int().min(0);
const size = z.object({ bytes: count, files: count });
const known = z.object({
  /** Null where nobody has looked yet. */
  found: size.extend({ hidden: count }).nullable(),
  at: count,
  /** What it may hold at most to clear up; null while it is within its limit. */
  most: size.nullable(),
  /** It was above that too, or could not be looked into: it is looked at before anything starts. */
  full: z.boolean(),
});
export type Known = z.output<typeof known>;

const UNKNOWN: Known = { found: null, at: 0, most: null, full: false };

export class QuotaBook {
  readonly #settings: Store["settings"];
  constructor({ settings }: Store) {
    this.#settings = settings;
  }

  limit(group: AgentGroupId): Size {
    return this.#settings.get(`quota:${group}`, size) ?? USUAL;
  }

  setLimit(group: AgentGroupId, limit: Size): void {
    this.#settings.set(`quota:${group}`, limit);
  }

  known(group: AgentGroupId): Known {
    return this.#settings.get(`quota-known:${group}`, known) ?? UNKNOWN;
  }

  note(group: AgentGroupId, found: Found, at: number, most: Size | null, full: boolean): void {
    this.#settings.set(`quota-known:${group}`, { found, at, most, full } satisfies Known);
  }
}
