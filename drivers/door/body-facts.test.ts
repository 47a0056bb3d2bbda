import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf } from "./body-facts.ts";

test("what decides about the price is told, whatever its types are", () => {
  const facts = (request: Record<string, unknown>) => {
    const { hash, ...rest } = factsOf(request, "the hash");
    assert.equal(hash, "the hash");
    return rest;
  };
  assert.deepEqual(facts({ model: "m", max_tokens: 7, stream: true, speed: "fast" }), {
    ...{ model: "m", maxOutput: 7, streamed: true, fast: true },
  });
  const nothing = { model: "", maxOutput: null, streamed: false, fast: false };
  assert.deepEqual(facts({}), nothing);
  assert.deepEqual(facts({ model: ["m"], max_tokens: "7", stream: "true", speed: { fast: true } }), nothing);
  assert.equal(facts({ max_tokens: 9e15 }).maxOutput, 1_000_000);
  assert.equal(facts({ max_tokens: -1 }).maxOutput, null);
  assert.equal(facts({ model: `ä${"x".repeat(200)}` }).model, `?${"x".repeat(99)}`);
});
