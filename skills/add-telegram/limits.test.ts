import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateLimits } from "./limits.ts";

/** Sends as fast as is allowed. @returns when each went */
function sending(limits: RateLimits, chat: string, count: number, now = 0): number[] {
  return Array.from({ length: count }, () => {
    const at = now + limits.wait(chat, now, "message");
    limits.take(chat, at);
    return at;
  });
}

test("a short burst goes at once, then about one a second", () => {
  assert.deepEqual(sending(new RateLimits(), "77", 9), [0, 0, 0, 0, 4000, 4000, 4000, 4000, 8000]);
});

test("a group gets at most twenty a minute", () => {
  const times = sending(new RateLimits(), "-100", 41);
  assert.ok((times[20] ?? 0) >= 60_000 && (times[40] ?? 0) >= 120_000, String(times));
});

test("all chats together get at most thirty a second", () => {
  const limits = new RateLimits();
  const times = Array.from({ length: 31 }, (_, chat) => sending(limits, String(chat), 1)[0]);
  assert.deepEqual([times[29], times[30]], [0, 1000]);
});

test("drafts leave room for a message", () => {
  const limits = new RateLimits();
  while (limits.wait("77", 0, "draft") === 0) limits.take("77", 0);
  assert.equal(limits.wait("77", 0, "message"), 0);
});

test("a chat that Telegram holds waits, others don't", () => {
  const limits = new RateLimits();
  limits.hold("77", 5_000);
  assert.deepEqual([limits.wait("77", 1_000, "message"), limits.wait("78", 1_000, "message")], [4_000, 0]);
  assert.equal(limits.wait("77", 5_000, "message"), 0);
});

test("whatever goes on, no chat gets more than its share and none is overtaken", () => {
  const step = fc.record({ chat: fc.constantFrom("1", "2", "-3"), after: fc.integer({ min: 0, max: 3_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = new RateLimits();
      const sent = new Map<string, number[]>();
      let now = 0;
      for (const { chat, after } of steps) {
        now += after;
        const [at = 0] = sending(limits, chat, 1, now);
        sent.set(chat, [...(sent.get(chat) ?? []), at]);
      }
      for (const [chat, times] of sent) {
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
        times.forEach((at, index) => {
          assert.ok((times[index + 4] ?? Number.POSITIVE_INFINITY) >= at + 4_000);
          if (chat === "-3") assert.ok((times[index + 20] ?? Number.POSITIVE_INFINITY) >= at + 60_000);
        });
      }
    }),
  );
});
