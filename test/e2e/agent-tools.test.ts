/** The agent's tools of its host, with real containers, the real agent SDK and the practice model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost } from "../support/host.ts";

test("an agent schedules a task by its tool, and it answers in the chat when it is due", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  await host.follow((all) => all.length > 0);
  const asked = await host.ask("remind me in 10 seconds to stretch");
  assert.match(asked.text, /I will remind you in 10 seconds/);
  const [task] = await host.call("tasks.list", {});
  assert.match(task?.name ?? "", /stretch/);
  const all = await host.follow((messages) => messages.some(({ text }) => /This is your reminder: stretch/.test(text)));
  assert.equal(all.filter(({ text }) => /This is your reminder/.test(text)).length, 1);
  const audit = await host.call("audit.list", { limit: 1000 });
  const record = audit.find(({ verb }) => verb === "tasks.add");
  assert.match(record?.actor ?? "", /^agent:/);
  assert.equal(record?.decision, "allow");
});

test("what a platform can't do is told to the agent in words", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  await host.follow((all) => all.length > 0);
  await host.ask("write a note: buy milk");
  assert.match((await host.ask("send me notes.md")).text, /terminal has no files/);
  assert.match((await host.ask("react")).text, /terminal has no reactions/);
});
