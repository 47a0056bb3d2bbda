import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProviderEvent } from "./providers/provider.ts";
import { Watch } from "./watch.ts";

const MINUTE = 60_000;
const budgets = { model: 5 * MINUTE, tool: 30 * MINUTE, turn: 120 * MINUTE };
const started = (call: string, same = call, limit: number | null = null, name = "Bash"): ProviderEvent => ({
  ...({ type: "tool_started", summary: "" } as const),
  ...{ call, name, same, limit },
});
const ended = (call: string): ProviderEvent => ({ type: "tool_ended", call, ok: true });
const text: ProviderEvent = { type: "text", delta: "x" };

describe("the budgets of a turn", () => {
  it("give the model its time anew with each thing that is heard, and none while a tool runs", () => {
    const watch = new Watch(budgets, 0);
    assert.equal(watch.next().at, 5 * MINUTE);
    watch.hear(text, 2 * MINUTE);
    const { at, failure } = watch.next();
    assert.equal(at, 7 * MINUTE);
    assert.deepEqual(failure, { class: "stuck", message: "nothing was heard from the model for 5 minutes" });
    watch.hear(started("a"), 3 * MINUTE);
    assert.equal(watch.next().at, 33 * MINUTE);
    watch.hear(ended("a"), 20 * MINUTE);
    assert.equal(watch.next().at, 25 * MINUTE);
  });

  it("name the tool that gave no end: the first of several, by the time that each gives itself", () => {
    const watch = new Watch(budgets, 0);
    watch.hear(started("a", "a", 60 * MINUTE), 0);
    assert.equal(watch.next().at, 60 * MINUTE + 30_000);
    watch.hear(started("b", "b", 1000, "Grep"), MINUTE);
    const { at, failure } = watch.next();
    assert.deepEqual([at, failure.message], [31 * MINUTE, "the tool Grep gave no end in 30 minutes"]);
    watch.hear(ended("b"), 2 * MINUTE);
    assert.equal(watch.next().failure.message, "the tool Bash gave no end in 60.5 minutes");
  });

  it("end the whole turn, however much is heard", () => {
    const watch = new Watch(budgets, 0);
    for (let now = 0; now < 119 * MINUTE; now += MINUTE) watch.hear(text, now);
    assert.deepEqual(watch.next(), {
      at: 120 * MINUTE,
      failure: { class: "stuck", message: "the turn did not end in 2 hours" },
    });
  });
});

describe("a loop", () => {
  const play = (...sames: string[]) => {
    const watch = new Watch(budgets, 0);
    return sames.map((same, index) => {
      const failure = watch.hear(started(`call-${index}`, same), index);
      watch.hear(ended(`call-${index}`), index);
      return failure;
    });
  };
  const times = (count: number, ...sames: string[]) => Array.from({ length: count }, () => sames).flat();

  it("is the same call eight times in a row", () => {
    const failures = play(...times(8, "x"));
    assert.deepEqual(failures.slice(0, 7), times(7, null as never));
    assert.deepEqual(failures[7], {
      class: "loop",
      message: "the tool Bash was called 8 times in a row with the same input",
    });
  });

  it("is three different calls in turn, 24 times", () => {
    const failures = play(...times(8, "x", "y", "z"));
    assert.deepEqual(failures.slice(0, 23), times(23, null as never));
    assert.equal(failures[23]?.message, "the last 24 tool calls (Bash) were only 3 different ones");
  });

  it("is not work that repeats itself now and then", () => {
    assert.ok(play(...times(5, ...times(7, "x"), "y", "z", "w")).every((failure) => failure === null));
  });
});
