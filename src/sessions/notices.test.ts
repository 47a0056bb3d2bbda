import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inboundBody } from "../../protocol/rows.ts";
import type { Outcome } from "../store/outbox.ts";
import { receipts } from "./notices.ts";

const outcome = (number: number, state: Outcome["state"], error: string | null = null): Outcome => ({
  ...{ number, kind: "message", state, error },
});

test("a message in parts was delivered if all were; the worst that became of one of them is told", () => {
  assert.deepEqual(receipts([outcome(3, "sent"), outcome(3, "sent"), outcome(5, "sent")]), [
    "message 3 was delivered",
    "message 5 was delivered",
  ]);
  for (const parts of [
    [outcome(3, "sent"), outcome(3, "dead", "too\n long"), outcome(3, "sent")],
    [outcome(3, "unknown", "?"), outcome(3, "dead", "too long")],
    [outcome(3, "dead", "too long"), outcome(3, "unknown", "?")],
  ])
    assert.deepEqual(receipts(parts), ["message 3 was not delivered: too long"]);
  assert.match(receipts([outcome(3, "unknown", "?"), outcome(3, "sent")])[0] ?? "", /not known/);
});

test("edits and reactions are called what they are", () => {
  assert.deepEqual(receipts([{ ...outcome(7, "dead", "too old"), kind: "edit" }]), [
    "the edit 7 was not delivered: too old",
  ]);
});

test("property: receipts always fit the row that carries them", () => {
  const any = fc.record({
    number: fc.integer({ min: 1, max: 200 }),
    kind: fc.constantFrom("message" as const, "edit" as const, "reaction" as const),
    state: fc.constantFrom("sent" as const, "unknown" as const, "dead" as const),
    error: fc.option(fc.string({ maxLength: 2000 }).map((text) => text.repeat(3))),
  });
  const [message] = inboundBody.options;
  fc.assert(
    fc.property(fc.array(any, { maxLength: 200 }), (outcomes) => {
      assert.equal(message.shape.receipts.safeParse(receipts(outcomes)).success, true);
    }),
  );
  assert.equal(message.shape.receipts.safeParse(receipts([outcome(3, "dead", "x".repeat(900))])).success, true);
});
