/** What no one sends on purpose: a database of another time, floods, giants and nonsense. Each hurts only itself. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { VerbError } from "../../cli/client.ts";
import { TestHost } from "../support/host.ts";

test("a database that a newer NanoClaw wrote is refused with what to do, and stays as it is", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.kill("SIGTERM");
  const db = new DatabaseSync(host.paths.database);
  db.exec("PRAGMA user_version = 9999; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  const print = () => createHash("sha256").update(readFileSync(host.paths.database)).digest("hex");
  const before = print();
  await assert.rejects(host.up(), /schema version 9999.*newer NanoClaw: update this one, or restore a backup/s);
  assert.equal(print(), before);
});

/** Ten thousand take more than a minute, on a busy machine some: only in the full run. */
const FLOOD = process.env.NANOCLAW_FULL === "1" ? 10_000 : 2_000;
/** How long that may take, milliseconds for each: only to end a test that would never end. */
const MOST_EACH = 100;

test("thousands of messages at once to one session: taken in fast, all answered in order, memory bounded", {
  timeout: 2 * FLOOD * MOST_EACH,
}, async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("warm");
  const before = (await host.call("status", {})).memory;
  const began = performance.now();
  const numbers: number[] = [];
  const count = FLOOD;
  // The agent is busy for a while, so that they pile up.
  await host.say("sleep:10000 first");
  let most = 0;
  let longest = 0;
  let looking = true;
  const sampler = (async () => {
    while (looking) {
      const { memory, queues } = await host.call("status", {});
      most = Math.max(most, memory);
      longest = Math.max(longest, queues.inbound);
      await new Promise((done) => setTimeout(done, 500));
    }
  })();
  const sayer = async () => {
    while (numbers.length < count) {
      const at = numbers.push(0) - 1;
      numbers[at] = await host.say(`number ${at}.`);
    }
  };
  await Promise.all(Array.from({ length: 20 }, sayer));
  const accepted = (performance.now() - began) / 1000;
  const all = new Set(numbers);
  const open = () => host.call("status", {}).then(({ queues }) => queues.inbound + queues.outbox);
  while ((await open()) > 0) {
    await new Promise((done) => setTimeout(done, 500));
    if (performance.now() - began > FLOOD * MOST_EACH) throw new Error(`still ${await open()} open\n${host.logTail()}`);
  }
  looking = false;
  // A look that is under way when the host is stopped would fail the test.
  await sampler;
  const answered = (performance.now() - began) / 1000;
  const messages = await host.follow((heard) => heard.filter(({ answers }) => answers.length > 0).length >= 1);
  t.diagnostic(`accepted in ${accepted.toFixed(1)} s, answered in ${answered.toFixed(1)} s, ${messages.length} heard`);
  const db = new DatabaseSync(host.paths.database, { readOnly: true });
  const ends = db
    .prepare(
      "SELECT n, value AS answers FROM terminal_messages, json_each(answers) WHERE author='agent' ORDER BY n, json_each.key",
    )
    .all() as { n: number; answers: number }[];
  db.close();
  const answers = ends.map((end) => end.answers).filter((n) => all.has(n));
  assert.equal(answers.length, count, "each has one answer");
  assert.deepEqual(
    answers,
    [...answers].sort((a, b) => a - b),
  );
  const grown = (most - before) / 2 ** 20;
  t.diagnostic(`the host grew by ${grown.toFixed(0)} MB at most, with up to ${longest} messages waiting`);
  assert.ok(most > 0 && longest > 500, "they piled up, and memory was looked at");
  assert.ok(grown < 150, `the host grew by ${grown.toFixed(0)} MB`);
});

test("a message of 10 MB is refused with the limit and a way out, and nothing is lost", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const meanwhile = host.ask("a small one beside it");
  const body = JSON.stringify({ chat: "main", text: "x".repeat(10_000_000), key: "far-too-large" });
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request({ socketPath: host.paths.controlSocket, path: "/v1/verbs/chat.send", method: "POST" });
    sent.setHeader("content-type", "application/json");
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
  assert.equal(status, 413);
  assert.match(text, /larger than 2000000 bytes.*Shorten it, or put long text in a file/);
  await assert.rejects(host.say("x".repeat(10_000_000)), (error) => error instanceof VerbError && error.hint !== "");
  assert.match((await meanwhile).text, /a small one/);
  assert.match((await host.ask("still there?")).text, /still there/);
});

test("a cron pattern or a time zone that does not exist is refused with what is right, and makes no task", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const task = { group: "main", prompt: "say hello", name: "hello" };
  const refused = (wanted: object, reason: RegExp) =>
    assert.rejects(
      host.call("tasks.add", { ...task, ...wanted }),
      (error) => error instanceof VerbError && reason.test(error.message) && error.hint !== "",
    );
  await refused({ cron: "61 * * * *" }, /no cron pattern/);
  await refused({ cron: "every morning" }, /2 fields/);
  await refused({ cron: "0 0 30 2 *" }, /never comes/);
  await refused({ cron: "0 9 * * *", timeZone: "Mars/Olympus" }, /time zone/);
  await refused({ cron: `0 ${"9,".repeat(500)}9 * * *` }, /cron/);
  assert.deepEqual(await host.call("tasks.list", {}), []);
});
