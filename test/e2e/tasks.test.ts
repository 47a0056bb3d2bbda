/** Scheduled tasks with a real host and real containers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { pause, TestHost } from "../support/host.ts";

test("a task answers in its chat at each of its times, within a second of them, also after the host was killed", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const prompt = "tell me the time";
  const { task } = await host.call("tasks.add", { group: "main", prompt, name: "time", every: "10s" });
  const answers = (count: number) =>
    host.follow((all) => all.filter(({ text }) => text.includes(prompt)).length >= count, "main", 60_000);
  await answers(2);
  await host.kill("SIGKILL");
  await pause(12_000);
  await host.up();
  await answers(3);
  await host.call("tasks.pause", { task });
  await pause(2_000);

  const { runs, state } = await host.call("tasks.show", { task });
  assert.equal(state, "paused");
  const late = runs.flatMap(({ startedAt, dueAt }) => (startedAt === null ? [] : [startedAt - dueAt]));
  t.diagnostic(`due to started, milliseconds: ${late.reverse().join(", ")} (the host was down before the third)`);
  assert.ok(late.slice(0, 2).every((ms) => ms >= 0 && ms < 1000));
  const done = runs.filter((run) => run.state === "done");
  const said = (await answers(done.length)).filter(({ text }) => text.includes(prompt));
  assert.equal(new Set(said.map(({ text }) => text)).size, said.length, "no run was answered twice");
  assert.equal(done.length, said.length);
});

test("a run by hand in a session of its own answers in the chat, and its container is let go", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const ncl = (...args: string[]) =>
    execFileSync(process.execPath, [resolve(import.meta.dirname, "../../cli/ncl.ts"), ...args], {
      env: { ...process.env, NANOCLAW_DATA: host.paths.data, NANOCLAW_RUN: host.paths.run },
      encoding: "utf8",
    });
  const cron = ["--cron", "0 9 * * 1-5", "--time-zone", "Europe/Berlin"];
  ncl("tasks", "add", "main", "water the plants", "--name", "plants", "--session", "own", ...cron);
  const list = ncl("tasks", "list");
  assert.match(list, /plants\s+main\s+0 9 \* \* 1-5\s+Europe\/Berlin\s+active/);
  const id = /t-\w+/.exec(list)?.[0] ?? "";
  ncl("tasks", "run", id);
  const all = await host.follow((messages) => messages.some(({ text }) => text.includes("water the plants")));
  assert.equal(all.at(-1)?.author, "agent");
  const sessions = () => host.call("sessions.list", {});
  for (let tries = 0; tries < 100; tries++) {
    if ((await sessions()).filter(({ state }) => state === "cold").length === 1) break;
    await pause(100);
  }
  assert.deepEqual((await sessions()).map(({ state }) => state).sort(), ["cold", "ready"]);
  assert.match(ncl("tasks", "show", id), /done/);
  ncl("tasks", "remove", id);
  assert.equal(ncl("tasks", "list"), "none\n");
});
