/** Scheduled tasks with a real host and real containers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
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

test("a run by hand in a session of its own answers in the chat, and leaves no container, no folder and no session", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const ncl = (...args: string[]) =>
    execFileSync(process.execPath, [resolve(import.meta.dirname, "../../cli/ncl.ts"), ...args], {
      env: { ...process.env, NANOCLAW_DATA: host.paths.data, NANOCLAW_RUN: host.paths.run },
      encoding: "utf8",
    });
  const cron = ["--cron", "0 9 * * 1-5", "--time-zone", "Europe/Berlin"];
  ncl("tasks", "add", "main", "sleep:1500 water the plants", "--name", "plants", "--session", "own", ...cron);
  const list = ncl("tasks", "list");
  assert.match(list, /plants\s+main\s+0 9 \* \* 1-5\s+Europe\/Berlin\s+active/);
  const id = /t-\w+/.exec(list)?.[0] ?? "";
  const folders = () => globSync(join(host.paths.sessions, "*", "*"));
  const before = new Set(folders());
  ncl("tasks", "run", id);
  const own = await until(() =>
    folders().find((folder) => !before.has(folder) && existsSync(join(folder, "provider"))),
  );
  const kept = litter(join(own, "provider"));
  const all = await host.follow((messages) => messages.some(({ text }) => text.includes("water the plants")));
  assert.equal(all.at(-1)?.author, "agent");
  const sessions = () => host.call("sessions.list", {});
  await until(() => !existsSync(own));
  await until(async () => (await sessions()).length === 1);
  assert.equal(existsSync(kept), true, "what a link of it points at is not touched");
  assert.deepEqual(new Set(folders()), before);
  assert.deepEqual(host.containers().length, 1);
  assert.match(ncl("tasks", "show", id), /done/);
  ncl("tasks", "remove", id);
  assert.equal(ncl("tasks", "list"), "none\n");
});

async function until<Result>(look: () => Result | Promise<Result>): Promise<NonNullable<Result>> {
  for (let tries = 0; tries < 300; tries++) {
    const found = await look();
    if (found) return found;
    await pause(100);
  }
  assert.fail(`it does not come to this: ${look}`);
}

/** What is hard to remove, as a container can leave it. @returns what a link in it points at */
function litter(provider: string): string {
  const outside = join(mkdtempSync(join(tmpdir(), "nc-outside-")), "kept");
  writeFileSync(outside, "x");
  const { uid } = statSync(provider);
  const closed = join(provider, "closed", "deeper");
  mkdirSync(closed, { recursive: true });
  writeFileSync(join(closed, "-rf *"), "x");
  symlinkSync(outside, join(closed, "link"));
  symlinkSync(join(outside, ".."), join(provider, "folder"));
  for (const path of [join(closed, "-rf *"), closed, join(provider, "closed")]) chownSync(path, uid, uid);
  chmodSync(closed, 0o000);
  return outside;
}
