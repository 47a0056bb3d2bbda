import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Liveness } from "./liveness.ts";
import type { ProviderEvent } from "./providers/provider.ts";

function liveness(budgets = { model: 10_000, tool: 10_000, turn: 10_000 }) {
  const said: string[] = [];
  const life = new Liveness({
    budgets,
    every: 50,
    beat: () => said.push("beat"),
    over(failure) {
      said.push(failure.message);
      life.follow(null);
    },
  });
  return { life, said };
}
const tool = (type: "tool_started" | "tool_ended"): ProviderEvent =>
  type === "tool_ended"
    ? { type, call: "c", ok: true }
    : { type, call: "c", name: "Bash", summary: "", same: "", limit: null };

describe("liveness", () => {
  it("beats while a turn runs, and only then", async () => {
    const { life, said } = liveness();
    await pause(80);
    assert.deepEqual(said, []);
    life.follow(1);
    await pause(230);
    life.follow(null);
    const beats = said.length;
    assert.ok(beats >= 2 && beats <= 4, `${beats} beats`);
    await pause(120);
    assert.equal(said.length, beats);
  });

  it("ends a turn once when a budget is over, which what is heard puts off", async () => {
    const { life, said } = liveness({ model: 120, tool: 30, turn: 10_000 });
    life.follow(1);
    for (let times = 0; times < 5; times++) {
      await pause(40);
      life.hear({ type: "text", delta: "x" });
    }
    assert.ok(!said.some((text) => /model/.test(text)));
    await pause(200);
    assert.deepEqual(
      said.filter((text) => text !== "beat"),
      ["nothing was heard from the model for 0.1 seconds"],
    );
  });

  it("looks at a tool's time from its start on, and forgets it with its end", async () => {
    const { life, said } = liveness({ model: 10_000, tool: 40, turn: 10_000 });
    life.follow(1);
    life.hear(tool("tool_started"));
    life.hear(tool("tool_ended"));
    await pause(80);
    assert.ok(said.every((text) => text === "beat"));
    life.hear(tool("tool_started"));
    await pause(120);
    assert.equal(said.at(-1), "the tool Bash gave no end in 0 seconds");
  });
});
