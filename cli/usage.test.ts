import assert from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../api/results.ts";
import { usageText, usedText } from "./usage.ts";

const none = { requests: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0, estimated: 0, unpriced: 0 };
const used = (rows: Usage["rows"], total: Partial<Usage["total"]>): Usage => ({
  ...{ by: "day", since: "2026-11-24", rows, total: { ...none, ...total } },
});

test("each row has a bar as long as its share of the dearest", () => {
  const rows = [
    { ...none, key: "2026-11-25", label: "2026-11-25", requests: 2, input: 1500, cost: 500_000 },
    { ...none, key: "2026-11-24", label: "2026-11-24", requests: 1, input: 100, cost: 250_000, estimated: 1 },
  ];
  assert.equal(
    usageText(used(rows, { requests: 3, input: 1600, cost: 750_000, estimated: 1 })),
    `day         since 2026-11-24          cost    tokens  requests
2026-11-25  ████████████████████████  $0.50   1.5k    2
2026-11-24  ████████████              ~$0.25  100     1
total                                 ~$0.75  1.6k    3
Counted by an estimate (~): 1, whose answers told no numbers.
`,
  );
});

test("what has no known cost is not shown as free, and what is free is", () => {
  assert.equal(usedText({ ...none, requests: 2, input: 10 }), "free for 10 tokens in 2 requests");
  assert.match(usedText({ ...none, requests: 2, input: 10, unpriced: 2 }), /^unknown for/);
  assert.match(usedText({ ...none, requests: 2, input: 10, cost: 4200, unpriced: 1 }), /^\$0\.0042 \+\? for/);
  assert.equal(usedText(none), "no model was used");
});

test("names of people and models can't drive the terminal", () => {
  const rows = [{ ...none, key: "x", label: "\u001b[2Jx\nevil", requests: 1 }];
  const text = usageText(used(rows, { requests: 1 }));
  assert.equal(text.includes("\u001b") || text.includes("\nevil"), false);
});
