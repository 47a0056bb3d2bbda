/** What models cost and when it is enough, with the real agent SDK in a real container: only the model's words are scripted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost } from "../support/host.ts";
import { type Scripted, startScriptedModel } from "../support/model.ts";

async function given(t: Parameters<typeof TestHost.start>[0], script: (asked: string, index: number) => Scripted) {
  let index = 0;
  const model = await startScriptedModel({
    script: ({ raw }) => {
      index += 1;
      return raw.includes("first time that the owner meets you") && index === 1
        ? { say: "welcome" }
        : script(raw, index);
    },
  });
  t.after(() => model.close());
  const host = await TestHost.start(t);
  await host.initWithModel(model);
  return { host, model };
}

test("a budget is reached in the middle of a turn: the person is told, and raising it lets the next message through", async (t) => {
  // It works step by step until it is asked to be brief.
  const { host, model } = await given(t, (raw, index) =>
    raw.includes("please be brief") ? { say: "done" } : { use: "Bash", input: { command: `echo step ${index}` } },
  );
  const { total } = await host.call("usage.show", {});
  assert.ok(total.requests > 0);
  const each = total.input + total.output;
  const before = model.requests.length;
  await host.call("budgets.set", { tokens: Math.round(each * 3.5), per: "day", group: "main" });
  const answer = await host.ask("work until I say stop", "main", 60_000);
  assert.equal(answer.author, "system");
  assert.match(answer.text, /^I stopped here: the budget of .* tokens a day for the agent "main" is used up/);
  assert.match(answer.text, /starts anew on .* \(UTC\)/);
  assert.match(answer.text, /`ncl budgets set --tokens \d+ --per day --group main`, then write again\.$/);
  const asked = model.requests.length - before;
  assert.ok(asked >= 2 && asked <= 5, `${asked} requests`);
  const refused = await host.ask("please be brief", "main", 60_000);
  assert.match(refused.text, /^I stopped here: the budget/);
  assert.equal(model.requests.length - before, asked);

  const [budget] = await host.call("budgets.list", {});
  assert.ok((budget?.share ?? 0) >= 100);
  await host.call("budgets.set", { tokens: each * 1000, per: "day", group: "main" });
  assert.equal((await host.ask("please be brief", "main", 60_000)).text, "done");
});

test("what asks the model without end is stopped, and the next message is answered", async (t) => {
  // Not the agent but a program that it has started asks: the very same, again and again.
  const ask = `for i in $(seq 1 40); do curl -s -o /dev/null -w '%{http_code} ' -H 'content-type: application/json' -d '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"again"}]}' $ANTHROPIC_BASE_URL/v1/messages; done`;
  const { host } = await given(t, (raw) => {
    if (raw.includes("please be brief")) return { say: "fine again" };
    if (raw.includes('"content":"again"')) return { say: "again" };
    return { use: "Bash", input: { command: ask } };
  });
  const answer = await host.ask("begin", "main", 90_000);
  assert.equal(answer.author, "system");
  assert.match(
    answer.text,
    /I stopped here: what runs in the container has asked the model the very same for the 20th time/,
  );
  const { total } = await host.call("usage.show", { by: "session" });
  assert.ok(total.requests < 30, `${total.requests} requests`);
  assert.equal((await host.ask("please be brief", "main", 60_000)).text, "fine again");
});
