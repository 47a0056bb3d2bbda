import assert from "node:assert/strict";
import { test } from "node:test";
import { type VerbInput, type VerbResult, verbs } from "../../api/verbs.ts";
import { NO_USE } from "../../packages/model-usage/index.ts";
import { type EffectContext, type Effects, Executor } from "../../src/control/execute.ts";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { AGENT, countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import { metering } from "./index.ts";

function given() {
  const w = world();
  const { store, clock } = w;
  clock.jump(Date.parse("2026-06-15T12:00Z") - clock.now());
  const { meter, effects, today } = metering({
    ...{ store, clock, random: countingRandom(), log: silentLog, dismiss: () => {} },
  });
  const records: string[] = [];
  const context: EffectContext = {
    actor: { kind: "operator" },
    signal: new AbortController().signal,
    permit: () => {},
    record: (resource, change) => {
      records.push(resource);
      return store.db.transaction(() => change(1));
    },
  };
  let asked = 0;
  const use = (model: string, output: number) => {
    asked += 1;
    const request = { model, maxOutput: 1, streamed: true, fast: false, hash: String(asked), bytes: 3, billed: true };
    const verdict = meter.ask({ id: SESSION, agentGroup: AGENT, uid: 1 }, request);
    assert.ok(verdict.allow);
    meter.ended(verdict.id, 200, { model, told: { ...NO_USE, output }, final: true, written: 0 });
  };
  return {
    ...w,
    ...{ meter, effects, today, records, use },
    show: async (wanted: VerbInput<"usage.show"> = {}) =>
      effects["usage.show"](verbs["usage.show"].args.parse(wanted), context),
    set: async (wanted: VerbInput<"budgets.set">) =>
      effects["budgets.set"](verbs["budgets.set"].args.parse(wanted), context),
    price: async (wanted: VerbInput<"usage.price">) =>
      effects["usage.price"](verbs["usage.price"].args.parse(wanted), context),
    context,
  };
}

test("use is shown by day, agent, person, model and session, with what it cost", async () => {
  const g = given();
  g.use("claude-opus-5", 100);
  g.clock.jump(-86_400_000);
  g.say("hello");
  g.use("claude-sonnet-5", 10);
  g.clock.jump(86_400_000);
  const labels = async (by: VerbInput<"usage.show">["by"]) =>
    (await g.show({ by })).rows.map(({ label, cost }) => [label, cost]);
  assert.deepEqual(await labels("day"), [
    ["2026-06-15", 2500],
    ["2026-06-14", 100],
  ]);
  assert.deepEqual(await labels("model"), [
    ["claude-opus-5", 2500],
    ["claude-sonnet-5", 100],
  ]);
  assert.deepEqual(await labels("person"), [
    ["main by itself", 2500],
    ["Owner", 100],
  ]);
  assert.deepEqual(await labels("agent"), [["main", 2600]]);
  assert.deepEqual(await labels("session"), [[SESSION, 2600]]);
  assert.deepEqual([(await g.show({ since: "1d" })).total.cost, (await g.show()).total.requests], [2500, 2]);
  assert.deepEqual([g.today().cost, g.today().requests], [2500, 1]);
});

test("an agent sees its own group only: whose it asks for passes the gate", async () => {
  const g = given();
  const { store, session } = g;
  const [main = assert.fail()] = store.groups.agentGroups();
  store.groups.addAgentGroup({ ...main, id: "a-2" as AgentGroupId, folder: "two" });
  const executor = new Executor(g.effects as Partial<Effects> as Effects, store, g.audit);
  const agent = { kind: "agent", id: AGENT, session, turn: 1, number: 3, cause: null } as const;
  g.use("claude-opus-5", 100);
  const own = executor.carryOut(agent, "usage.show", { group: "main" });
  assert.equal(own.ok && (own.result as VerbResult<"usage.show">).total.requests, 1);
  const other = executor.carryOut(agent, "usage.show", { group: "two" });
  assert.deepEqual(other, { ok: false, why: "that belongs to another agent" });
  assert.deepEqual(verbs["usage.show"].tool?.own, ["group"]);
  await assert.rejects(g.show({ group: "other" }), /no agent group "other"/);
});

test("a budget that is set again takes the place of the old one; both are recorded", async () => {
  const g = given();
  const first = await g.set({ usd: 5, per: "day", group: "main" });
  g.use("claude-opus-5", 100_000);
  const second = await g.set({ usd: 10, per: "day", group: "main", warn: 50 });
  assert.equal(first.budget, second.budget);
  assert.deepEqual(
    [second.for, second.limit, second.used, second.share, second.warnAt],
    ["agent main", "$10.00", "$2.50", 25, 50],
  );
  assert.equal(new Date(second.anewAt ?? 0).toISOString(), "2026-06-16T00:00:00.000Z");
  await g.set({ tokens: 1_500_000, per: "total", person: OWNER });
  assert.equal(g.meter.budgets.all().length, 2);
  assert.deepEqual(g.records.slice(0, 2), [`budget:${first.budget}`, `budget:${first.budget}`]);
  await g.effects["budgets.remove"]({ budget: first.budget }, g.context);
  const left = await g.effects["budgets.list"]({}, g.context);
  assert.deepEqual(
    left.map((one) => [one.for, one.limit, one.anewAt]),
    [["person Owner", "1.50M tokens", null]],
  );
});

test("what can't be a budget is refused with what to do", async () => {
  const g = given();
  for (const [wanted, problem] of [
    [{}, /dollars or in tokens/],
    [{ usd: 1, tokens: 1 }, /dollars or in tokens/],
    [{ usd: 1, group: "main", session: SESSION }, /one agent, person or session/],
    [{ usd: 1, group: "other" }, /no agent group/],
    [{ usd: 1, session: "s-9" }, /no session/],
    [{ usd: 1, person: "somebody" }, /is no person/],
  ] as const)
    await assert.rejects(g.set(wanted), problem);
  for (const wrong of [
    { usd: 0 },
    { usd: -1 },
    { usd: 1e9 },
    { tokens: 1.5 },
    { usd: 1, per: "year" },
    { usd: 1, warn: 0 },
  ])
    assert.equal(verbs["budgets.set"].args.safeParse(wrong).success, false, JSON.stringify(wrong));
  assert.deepEqual(g.records, []);
});

test("a price of one's own goes before the list, holds from then on, and is forgotten", async () => {
  const g = given();
  g.use("claude-opus-5", 1_000_000);
  const set = await g.price({ model: "Claude-Opus-*", input: 1, output: 2, cacheRead: 0.1 });
  assert.deepEqual(
    [set.model, set.input, set.output, set.cacheRead, set.cacheWrite, set.source],
    ["claude-opus-*", 1, 2, 0.1, 1, "set here"],
  );
  g.use("claude-opus-5", 1_000_000);
  assert.equal((await g.show()).total.cost, 27_000_000);
  await assert.rejects(g.price({ model: "a*b", input: 1, output: 1 }), /can't stand for models/);
  await g.effects["usage.forget"]({ model: "claude-opus-*" }, g.context);
  assert.equal(g.meter.prices.charge("claude-opus-5", { ...NO_USE, output: 1 }, false).cost, 25);
  assert.throws(() => g.effects["usage.forget"]({ model: "claude-opus-*" }, g.context), /no price was set/);
});

test("a day that does not exist is refused", async () => {
  const g = given();
  await assert.rejects(g.show({ since: "2026-02-30" }), /no day/);
  assert.equal((await g.show({ since: "2026-06-15" })).rows.length, 0);
});
