import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_USE } from "../../packages/model-usage/index.ts";
import { costOf, findPrice, priceList } from "./prices.ts";

const priceOf = (model: string) => findPrice(priceList, model)?.price.output;

test("a model is found by its name, also with a date, a provider or a variant", () => {
  for (const name of [
    "claude-opus-5",
    "claude-opus-5-20260724",
    "Claude-Opus-5-latest",
    "anthropic/claude-opus-5",
    "us.anthropic.claude-opus-5-20260724-v1:0",
    "claude-opus-5@20260724",
    "claude-opus-5[1m]",
  ])
    assert.equal(priceOf(name), 25_000_000, name);
  assert.equal(priceOf("claude-opus-5-5"), 20_000_000);
});

test("a name that only looks alike has no known price", () => {
  for (const name of ["claude-opus-5-6", "claude-opus-50", "claude-opus", "gpt-5.4-huge", "", "*"])
    assert.equal(priceOf(name), undefined, name);
});

test("of beginnings the longest that fits counts", () => {
  const price = (output: number) => ({ input: 0, output, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 });
  const own = [
    { models: ["llama*"], price: price(1), source: "", date: "2026-01-01" },
    { models: ["llama-9*"], price: price(2), source: "", date: "2026-01-01" },
    { models: ["llama-9-tiny"], price: price(3), source: "", date: "2026-01-01" },
  ];
  assert.deepEqual(
    ["llama-8", "llama-9-large", "llama-9-tiny", "lama"].map((name) => findPrice(own, name)?.price.output),
    [1, 2, 3, undefined],
  );
});

test("each kind of token has its price; a long prompt makes the whole request dearer", () => {
  const opus = findPrice(priceList, "claude-opus-5") ?? assert.fail();
  const use = { input: 100, output: 10, cacheRead: 1000, cacheWrite: 200, cacheWriteHour: 50 };
  assert.equal(costOf(use, opus), 100 * 5 + 10 * 25 + 1000 * 0.5 + 150 * 6.25 + 50 * 10 + 0.5);
  const haiku = findPrice(priceList, "claude-haiku-5-5") ?? assert.fail();
  const long = { ...NO_USE, input: 1, cacheRead: 100_000, output: 1000 };
  assert.equal(costOf({ ...long, cacheRead: 99_999 }, haiku), Math.ceil(0.1 + 999.99 + 500));
  assert.equal(costOf(long, haiku), Math.ceil(0.5 + 5000 + 2500));
});

test("every price of the list says where it was published and when, and no name has two", () => {
  const names = priceList.flatMap(({ models }) => models);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length > 20);
  for (const { source, price } of priceList) {
    assert.match(source, /^https:\/\//);
    assert.ok(price.cacheRead <= price.input && price.input <= price.output);
  }
});
