/** What goes wrong in real life: killed containers, killed hosts, an engine that is not there, junk on the socket. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createConnection } from "node:net";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pause, TestHost } from "../support/host.ts";

const ROOT = resolve(import.meta.dirname, "../..");

test("a container killed in the middle of a turn: the user is told, the turn is taken up again and answered", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const n = await host.say("sleep:2000 slow one");
  await pause(800);
  for (const id of host.containers()) execFileSync("docker", ["kill", id], { stdio: "ignore" });
  const answer = await host.answer(n);
  assert.match(answer.text, /slow one/);
  const all = await host.follow((messages) => messages.some((m) => m.answers.includes(n)));
  const notices = all.filter((message) => message.author === "system").map((message) => message.text);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /middle of the work.*take it up again, try 2 of 3/);
});

test("a host killed in the middle of a turn finds its container again; nothing is lost or said twice", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const n = await host.say("sleep:1500 across the restart");
  await pause(500);
  const before = host.containers();
  await host.kill("SIGKILL");
  await host.up();
  const answer = await host.answer(n);
  assert.match(answer.text, /across the restart/);
  await pause(500);
  const all = await host.follow((messages) => messages.some((m) => m.answers.includes(n)));
  assert.equal(all.filter((message) => message.text.includes("echo: sleep:1500")).length, 1);
  assert.deepEqual(host.containers(), before, "the container was adopted, not replaced");
});

test("host and container both killed in the middle of a turn: the next start takes it up again", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const n = await host.say("sleep:1500 after all");
  await pause(500);
  await host.kill("SIGKILL");
  for (const id of host.containers()) execFileSync("docker", ["kill", id], { stdio: "ignore" });
  await host.up();
  assert.match((await host.answer(n)).text, /after all/);
});

test("a runner cut off in the middle of a commit: a runner rolls its half back, and the turn is taken up again", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const n = await host.say("sleep:1500 half a commit");
  await pause(500);
  await host.kill("SIGKILL");
  for (const id of host.containers()) execFileSync("docker", ["kill", id], { stdio: "ignore" });
  const file = join(firstFolder(host.paths.sessions, 2), "out", "outbound.db");
  const half = spawnSync(process.execPath, ["--input-type=module", "-e", HALF_A_COMMIT, file]);
  assert.equal(half.signal, "SIGKILL");
  await host.up();
  assert.match((await host.answer(n)).text, /half a commit/);
  assert.match(host.logTail(), /the outbound mailbox was rolled back/);
});

/** Writes pages of an open transaction into the file, with the journal that would undo them, and dies. */
const HALF_A_COMMIT = `
  import { DatabaseSync } from "node:sqlite";
  const db = new DatabaseSync(process.argv[1]);
  db.exec("PRAGMA journal_mode=PERSIST; PRAGMA cache_size=2; BEGIN");
  const insert = db.prepare("INSERT INTO row VALUES (?, 'turn_started', ?)");
  for (let n = 100001; n < 100401; n += 2) insert.run(n, "x".repeat(3000));
  process.kill(process.pid, "SIGKILL");
`;

function firstFolder(dir: string, depth: number): string {
  if (depth === 0) return dir;
  const [first] = readdirSync(dir);
  if (!first) throw new Error(`${dir} is empty`);
  return firstFolder(join(dir, first), depth - 1);
}

test("a clean stop ends the containers, and what was running is answered after the next start", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.follow((all) => all.length > 0);
  const n = await host.say("sleep:3000 patience");
  await pause(500);
  await host.kill("SIGTERM");
  assert.deepEqual(host.containers(), []);
  await host.up();
  assert.match((await host.answer(n)).text, /patience/);
});

test("a second host on the same data folder is refused and says why", async (t) => {
  const host = await TestHost.start(t);
  const second = spawnSync(process.execPath, [join(ROOT, "src", "main.ts")], {
    env: {
      ...process.env,
      NANOCLAW_DATA: host.paths.data,
      NANOCLAW_RUN: host.paths.run,
      XDG_CONFIG_HOME: join(host.paths.data, "..", "config"),
    },
    encoding: "utf8",
  });
  assert.equal(second.status, 1);
  assert.match(second.stderr, /another NanoClaw host already runs.*ncl down/s);
  assert.equal((await host.call("status", {})).pid, host.pid);
});

test("without an engine the message is kept, the person is told what to do, and the host goes on", async (t) => {
  const host = await TestHost.start(t, { env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" } });
  await host.init();
  const n = await host.say("anyone there?");
  const all = await host.follow((messages) => messages.some((m) => m.author === "system"), "main", 20_000);
  assert.match(all.find((m) => m.author === "system")?.text ?? "", /can't start my container.*kept/s);
  await pause(1000);
  const again = await host.follow((messages) => messages.length >= 1, "main", 5_000);
  assert.equal(again.filter((m) => m.author === "system").length <= 2, true, "no flood of notices");
  assert.equal((await host.call("status", {})).engine.state, "down");
  await host.kill("SIGKILL");
  await host.up();
  assert.ok(n > 0);
});

test("empty, huge and malformed requests are refused with a reason, and the host goes on", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await assert.rejects(host.say("   "), /empty/);
  await assert.rejects(host.say("x".repeat(1_000_000)), /text/);
  await assert.rejects(host.call("groups.set", { folder: "../etc" }), /folder/);
  await assert.rejects(host.call("groups.init", { folder: "x", name: "X", timeZone: "Mars/Olympus" }), /time zone/);
  for (const junk of [Buffer.from([0, 1, 2, 255, 254]), Buffer.alloc(100_000, 0x41), Buffer.from("GET /\r\n\r\n")]) {
    await new Promise<void>((done) => {
      const socket = createConnection(host.paths.controlSocket, () => socket.end(junk));
      socket.on("error", () => {}).on("close", () => done());
      socket.resume();
    });
  }
  const answer = await host.ask("still there?");
  assert.match(answer.text, /still there/);
});

test("a message that is sent twice with the same key is said once", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const args = { text: "once", key: "the-same-key" };
  const first = await host.call("chat.send", args);
  const second = await host.call("chat.send", args);
  assert.equal(second.n, first.n);
  await host.answer(first.n);
  await pause(300);
  const all = await host.follow((messages) => messages.some((m) => m.answers.includes(first.n)));
  assert.equal(all.filter((m) => m.text.includes("once")).length, 2, "the message and its answer");
});
