/** What people write to the host itself, with real containers and the agent SDK: `/new` forgets, also in the middle of a turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../support/host.ts";
import { ponderingHost } from "../support/pondering.ts";

test("after /new the agent has nothing in mind of what was said before; the log has it still", async (t) => {
  const { host, asked } = await ponderingHost(t);
  await host.ask("the word is pomegranate");
  await host.ask("and now?");
  assert.ok(asked.at(-1)?.includes("pomegranate"), "without it the conversation goes on");
  assert.match((await host.ask("/new")).text, /A new conversation begins here/);
  await host.ask("and now what?");
  assert.ok(!asked.at(-1)?.includes("pomegranate"));
  assert.ok(asked.at(-1)?.includes("and now what?"));
  const log = await host.follow((all) => all.some(({ text }) => text === "and now what?"));
  assert.ok(log.some(({ text }) => text === "the word is pomegranate"));
  await host.kill("SIGTERM");
  await host.up();
  await host.ask("and now, after a restart?");
  assert.ok(!asked.at(-1)?.includes("pomegranate"));
  assert.ok(asked.at(-1)?.includes("and now what?"), "what was said since goes on");
});

test("/new in the middle of a turn stops it; killed right after, the next host begins anew all the same", async (t) => {
  const { host, asked } = await ponderingHost(t);
  await host.ask("the word is pomegranate");
  const long = await host.say("think for ever");
  while (!asked.at(-1)?.includes("think for ever")) await pause(20);
  await host.say("/new");
  await host.kill("SIGKILL");
  await host.up();
  assert.match((await host.answer(long)).text, /Stopped|Well/);
  await host.ask("and now?");
  assert.ok(!asked.at(-1)?.includes("pomegranate"));
  const [session] = await host.call("sessions.list", { group: "main" });
  const shown = await host.call("sessions.show", { session: session?.session ?? "" });
  assert.deepEqual([shown.agent, shown.anew, shown.runningSince], ["Nano", false, null]);
});
