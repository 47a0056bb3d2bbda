import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Act, RateLimits } from "./limits.ts";

/** Acts as fast as is allowed. @returns when each went */
function acting(limits: RateLimits, act: Act, count: number, now = 0): number[] {
  return Array.from({ length: count }, () => {
    const at = now + limits.wait(act, now, "message");
    limits.take(act, at);
    return at;
  });
}

test("a short burst goes at once, then about one a second; other chats don't notice", () => {
  const limits = new RateLimits();
  assert.deepEqual(acting(limits, { send: "C1" }, 9), [0, 0, 0, 0, 4000, 4000, 4000, 4000, 8000]);
  assert.deepEqual(acting(limits, { send: "C2" }, 1), [0]);
});

test("changes are fifty a minute in all, and drafts leave some of them", () => {
  const limits = new RateLimits();
  let drafts = 0;
  for (; limits.wait("change", 0, "draft") === 0; drafts++) limits.take("change", 0);
  assert.equal(drafts, 35);
  assert.deepEqual(acting(limits, "change", 16).slice(14), [0, 60_000]);
});

test("what Slack holds waits, and nothing else does", () => {
  const limits = new RateLimits();
  limits.hold({ send: "C1" }, 5_000);
  limits.hold("change", 7_000);
  const waits = [{ send: "C1" }, { send: "C2" }, "change" as const].map((act) => limits.wait(act, 1_000, "message"));
  assert.deepEqual(waits, [4_000, 0, 6_000]);
});

test("whatever goes on, no chat gets more than its share and none is overtaken", () => {
  const step = fc.record({ chat: fc.constantFrom("C1", "C2"), after: fc.integer({ min: 0, max: 3_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = new RateLimits();
      const sent = new Map<string, number[]>();
      let now = 0;
      for (const { chat, after } of steps) {
        now += after;
        const [at = 0] = acting(limits, { send: chat }, 1, now);
        sent.set(chat, [...(sent.get(chat) ?? []), at]);
      }
      for (const times of sent.values()) {
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
        times.forEach((at, index) => {
          assert.ok((times[index + 4] ?? Number.POSITIVE_INFINITY) >= at + 4_000);
        });
      }
    }),
  );
});
