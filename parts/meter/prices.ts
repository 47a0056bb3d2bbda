/**
 * What models cost: a list that comes with NanoClaw, and what a person has set, which goes first. A model that neither
 * names has no known cost; whatever must be counted all the same is counted by the most expensive price there is.
 */
import { z } from "zod";
import type { TokenUse } from "../../packages/model-usage/index.ts";
import listed from "../../src/gateway/bundles/model-prices.json" with { type: "json" };
import type { Database } from "../../src/lib/sqlite.ts";

const micros = z.int().min(0).max(1_000_000_000);
const price = z.object({
  input: micros,
  output: micros,
  cacheRead: micros,
  cacheWrite: micros,
  cacheWriteHour: micros,
});
/** Millionths of a dollar for a million tokens, by what becomes of them. */
export type Price = z.infer<typeof price>;

const listedPrice = z.object({
  /** Names without a date; one that ends in `*` stands for all that begin like it. */
  models: z.array(z.string()).min(1),
  price,
  /** Where a request of more input than that, cached or not, costs more as a whole. */
  longPrompt: z.object({ above: z.int(), price }).optional(),
  /** Where it was published, and when it was read there. */
  source: z.string(),
  date: z.iso.date(),
});
export type ListedPrice = z.infer<typeof listedPrice>;

export const priceList: ListedPrice[] = z.array(listedPrice).parse(listed);

/** What a request cost, in millionths of a dollar, rounded up. */
export function costOf(use: TokenUse, { price, longPrompt }: Pick<ListedPrice, "price" | "longPrompt">): number {
  const prompt = use.input + use.cacheRead + use.cacheWrite;
  const by = longPrompt && prompt > longPrompt.above ? longPrompt.price : price;
  const sum =
    use.input * by.input +
    use.output * by.output +
    use.cacheRead * by.cacheRead +
    (use.cacheWrite - use.cacheWriteHour) * by.cacheWrite +
    use.cacheWriteHour * by.cacheWriteHour;
  return Math.ceil(sum / 1e6);
}

/** The price of a model: the exact name first, then without its date and provider, then the longest beginning. */
export function findPrice(list: readonly ListedPrice[], model: string): ListedPrice | null {
  const names = [model.toLowerCase(), bareName(model)];
  for (const name of names) {
    const found = list.find(({ models }) => models.includes(name));
    if (found) return found;
  }
  const fitting = list.flatMap((entry) =>
    entry.models
      .filter((one) => one.endsWith("*") && names.some((name) => name.startsWith(one.slice(0, -1))))
      .map((one) => ({ entry, length: one.length })),
  );
  return fitting.sort((a, b) => b.length - a.length)[0]?.entry ?? null;
}

/** "anthropic/claude-opus-5-20260724" -> "claude-opus-5": the same model by another name. */
function bareName(model: string): string {
  return model
    .toLowerCase()
    .replace(/^.*\//, "")
    .replace(/^([a-z]{2,6}\.)?(anthropic|openai)\./, "")
    .replace(/\[[^\]]*\]$/, "")
    .replace(/@.*$/, "")
    .replace(/-v\d+(:\d+)?$/, "")
    .replace(/-(\d{8}|\d{4}-\d\d-\d\d|latest)$/, "");
}

export class Prices {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  /** Those of a person first. */
  all(): ListedPrice[] {
    const sql = `SELECT model, input, output, cache_read AS cacheRead, cache_write AS cacheWrite,
      cache_write_hour AS cacheWriteHour, set_at AS setAt FROM model_prices ORDER BY model`;
    const own = this.#db.all<Price & { model: string; setAt: number }>(sql).map(({ model, setAt, ...price }) => ({
      models: [model],
      price,
      source: "set here",
      date: new Date(setAt).toISOString().slice(0, 10),
    }));
    return [...own, ...priceList];
  }

  /**
   * @param fast asked for at a higher price, which no list holds
   * @returns `cost` null where it is not known, and what budgets count
   */
  charge(model: string, use: TokenUse, fast: boolean): { cost: number | null; charged: number } {
    const all = this.all();
    const known = fast
      ? null
      : (findPrice(all.slice(0, all.length - priceList.length), model) ?? findPrice(all, model));
    if (known) return { cost: costOf(use, known), charged: costOf(use, known) };
    return { cost: null, charged: Math.max(...all.map((one) => costOf(use, one))) };
  }

  /** @param model lower case; may end in `*` */
  set(model: string, price: Price, now: number): void {
    this.#db.run(
      "INSERT OR REPLACE INTO model_prices VALUES (?,?,?,?,?,?,?)",
      ...[model, price.input, price.output, price.cacheRead, price.cacheWrite, price.cacheWriteHour, now],
    );
  }

  /** @returns false where none was set */
  forget(model: string): boolean {
    return this.#db.run("DELETE FROM model_prices WHERE model=?", model) === 1;
  }
}
