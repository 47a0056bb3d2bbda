import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SESSION, world } from "../../test/support/world.ts";

const number = fc.integer({ min: 1, max: 4 }).map((one) => one * 2);
const turn = fc.constantFrom(11, 13);
const step = fc.oneof(
  fc.record({ act: fc.constant("intoTurn" as const), number, turn }),
  fc.record({ act: fc.constantFrom("done" as const, "failed" as const), number, turn }),
  fc.record({ act: fc.constantFrom("release" as const, "requeue" as const), number }),
  fc.record({ act: fc.constant("failAll" as const) }),
);

test("property: a row ends once, from its own turn or with all the others, and only cut-off turns count as tries", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { store, say } = world();
      for (const text of ["a", "b", "c", "d"]) say(text);
      const { inbox } = store;
      const ends: string[] = [];
      const unfinished = () => new Map(inbox.unfinished(SESSION).map((row) => [row.number, row]));
      for (const one of steps) {
        const before = unfinished();
        const row = "number" in one ? before.get(one.number) : undefined;
        if (one.act === "failAll") ends.push(...inbox.endAll(SESSION, "failed"));
        else if (!("turn" in one)) inbox[one.act](SESSION, one.number);
        else if (one.act === "intoTurn") {
          const refused = inbox.intoTurn(SESSION, [one.number], one.turn);
          assert.equal(refused.length, row?.state === "queued" ? 0 : 1);
        } else {
          const answered = inbox.finish(SESSION, [one.number], one.turn, one.act);
          assert.equal(answered.length, row?.state === "in_turn" && row.turn === one.turn ? 1 : 0);
          ends.push(...answered);
        }
        const after = unfinished();
        for (const number of after.keys()) assert.ok(before.has(number), `row ${number} came back`);
        for (const { number, attempt, state, turn } of after.values()) {
          const counted = one.act === "requeue" && one.number === number && before.get(number)?.state === "in_turn";
          assert.equal(attempt, (before.get(number)?.attempt ?? 0) + (counted ? 1 : 0));
          assert.equal(turn === null, state === "queued");
        }
        assert.equal(inbox.hasWork(SESSION), after.size > 0);
      }
      assert.equal(new Set(ends).size, ends.length, "ended twice");
      assert.equal(ends.length + inbox.countUnfinished(), 4);
    }),
  );
});
