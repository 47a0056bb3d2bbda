/** Telegram from end to end: the real command line, host, channel and containers; Telegram itself is the skill's emulator. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { installPackages } from "../../cli/skills/packages.ts";
import { runProgram } from "../../cli/testing/run.ts";
import { Terminal } from "../../cli/testing/terminal.ts";
import { inside } from "../../protocol/layout.ts";
import { pause } from "../support/host.ts";
import { hostBesideTelegram, hostOnTelegram, TOKEN, texts } from "../support/telegram.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = "skills/add-telegram";
const MODULES = join(ROOT, FOLDER, "node_modules");
const API_ROOT = "NANOCLAW_TELEGRAM_API_ROOT";

const count = (all: string[], word: RegExp) => all.filter((text) => word.test(text)).length;

test("added by the command line, paired by its code, answered, and removed", async (t) => {
  const { host, emulator, say, shown } = await hostBesideTelegram(t);
  t.after(() => installPackages(ROOT, FOLDER, { env: process.env, onLine() {} }));
  rmSync(MODULES, { recursive: true, force: true });
  const ncl = (words: string[], stdin = "") => runProgram("bin/ncl", words, host.paths.run, stdin);

  // The host has no code to load yet, and says how to get it.
  assert.match((await ncl(["channels", "describe", "telegram"])).stderr, /ncl skills add telegram/);
  const asked = await ncl(["skills", "add", "telegram"]);
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /Telegram needs: Token of the bot \(token\)\n.*BotFather.*NANOCLAW_TELEGRAM_TOKEN/);

  const given = (token: string) => JSON.stringify({ token, apiRoot: emulator.root });
  const file = ["skills", "add", "telegram", "--credentials-file", "-"];
  const wrong = await ncl(file, given(`4242:${"x".repeat(35)}`));
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /Telegram was added, but is down: .*does not know this bot token/);
  const added = await ncl(file, given(TOKEN));
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, /^Telegram is up: connected as @nano_bot/);
  const code = /^ {4}(\S+)$/m.exec(added.stdout)?.[1] ?? "";

  say("who are you?");
  say(code);
  await shown((messages) => count(texts(messages), /now yours and Nano's/) === 1);
  say("hello from the train");
  const all = texts(await shown((messages) => count(texts(messages), /echo: hello from the train/) === 1));
  assert.equal(all.length, 2, `what came before the code was not answered: ${all.join(" | ")}`);

  const began = performance.now();
  assert.equal((await ncl(["skills", "add", "telegram", "--json"])).code, 0);
  assert.ok(performance.now() - began < 2000, "adding again is fast");
  for (let round = 0; round < 2; round++) assert.equal((await ncl(["skills", "remove", "telegram"])).code, 0);
  assert.ok(!existsSync(MODULES));
  assert.equal((await ncl(file, given(TOKEN))).code, 0);
  say("back again");
  await shown((messages) => count(texts(messages), /echo: back again/) === 1);
  assert.equal((await ncl(["skills", "remove", "telegram"])).code, 0);
  assert.deepEqual(
    (await host.call("channels.list", {})).map(({ id }) => id),
    ["terminal"],
  );
  const log = readFileSync(join(host.paths.logs, "host.log"), "utf8");
  for (const text of [log, asked.stderr, wrong.stderr, added.stdout, added.stderr]) assert.ok(!text.includes(TOKEN));
});

test("a token that is typed is not shown", async (t) => {
  const { host, emulator } = await hostBesideTelegram(t);
  process.env[API_ROOT] = emulator.root;
  t.after(() => void delete process.env[API_ROOT]);
  using terminal = new Terminal("ncl skills add telegram", host.paths.run);
  await terminal.shows("Token of the bot (not shown)");
  terminal.type(TOKEN);
  await pause(200);
  terminal.type("\r");
  await terminal.shows("Now tie a chat to your agent");
  assert.equal(await terminal.ended, 0);
  assert.ok(!terminal.raw.includes(TOKEN) && !terminal.raw.includes("ttttt"));
});

test("a message that is edited while it waits gets one answer, which knows how it is now", async (t) => {
  const { emulator, chat, say, shown } = await hostOnTelegram(t);
  const id = say("helo there");
  emulator.edit(chat, id, { text: "hello there" });
  await shown((messages) => count(texts(messages), /echo: .*hello there/s) === 1);
  await pause(1000);
  assert.equal(emulator.screen.shown.length, 1);
});

test("a photo lies in the session's folder when the agent hears of it", async (t) => {
  const { host, emulator, chat, shown } = await hostOnTelegram(t);
  const bytes = Buffer.from("pixels");
  const file_id = emulator.file(bytes);
  const photo = [{ file_id, file_unique_id: file_id, width: 10, height: 10, file_size: bytes.length }];
  emulator.say(chat, { photo, caption: "look at this" });
  await shown((messages) => count(texts(messages), /echo: .*look at this/s) === 1);
  const [kept = ""] = globSync("*/*/in/attachments/*/*", { cwd: host.paths.sessions });
  assert.deepEqual(readFileSync(join(host.paths.sessions, kept)), bytes);
  const path = kept.replace(/^.*\/in\//, `${inside.inboundDir}/`);
  const [id = ""] = host.containers();
  assert.deepEqual(execFileSync("docker", ["exec", id, "cat", path]), bytes, "the agent can read it");
});

test("an album is one message with all its pictures, also when they come one after the other", async (t) => {
  const { host, emulator, chat, shown } = await hostOnTelegram(t);
  const pictures = ["one", "two", "three"].map((content) => {
    const file_id = emulator.file(Buffer.from(content));
    return [{ file_id, file_unique_id: file_id, width: 10, height: 10, file_size: content.length }];
  });
  for (const [index, photo] of pictures.entries()) {
    emulator.say(chat, { photo, media_group_id: "album-1", ...(index === 1 && { caption: "look at these" }) });
    await pause(200);
  }
  await shown((messages) => count(texts(messages), /echo: .*look at these/s) === 1);
  const kept = globSync("*/*/in/attachments/*/*", { cwd: host.paths.sessions }).sort();
  const contents = kept.map((path) => readFileSync(join(host.paths.sessions, path), "utf8"));
  assert.deepEqual([contents, new Set(kept.map((path) => dirname(path))).size], [["one", "two", "three"], 1]);
  await pause(1000);
  assert.equal(emulator.screen.shown.length, 1);
});

test("a film of 2 GB is refused by its size: nothing is fetched, the agent is told, and the message is answered", async (t) => {
  const { host, emulator, chat, shown } = await hostOnTelegram(t);
  const document = { file_id: "film", file_unique_id: "film", file_name: "film.mkv", file_size: 2_000_000_000 };
  emulator.say(chat, { document, caption: "sleep:3000 watch this" });
  const told = () => {
    for (const path of globSync("*/*/in/inbound.db", { cwd: host.paths.sessions })) {
      try {
        using db = new DatabaseSync(join(host.paths.sessions, path), { readOnly: true });
        const rows = db.prepare("SELECT body FROM row").all() as { body: string }[];
        const found = rows.find(({ body }) => body.includes("film.mkv"));
        if (found) return found.body;
      } catch {
        // The host writes it at this moment.
      }
    }
    return "";
  };
  for (let tries = 0; tries < 200 && !told(); tries++) await pause(50);
  assert.match(told(), /it is larger than 50 MB, the most that is taken/);
  await shown((messages) => count(texts(messages), /echo: .*watch this/s) === 1);
  assert.ok(!emulator.calls.includes("getFile"), emulator.calls.join());
  assert.deepEqual(globSync("*/*/in/attachments/*/*", { cwd: host.paths.sessions }), []);
});

test("a long answer comes in parts, in order and whole", async (t) => {
  const { say, shown } = await hostOnTelegram(t);
  const words = Array.from({ length: 800 }, (_, index) => String(1000 + index));
  say(words.join(" "));
  const parts = await shown((messages) =>
    texts(messages)
      .join(" ")
      .includes(words.at(-1) ?? ""),
  );
  assert.ok(parts.length > 1, `${parts.length} parts`);
  assert.deepEqual(texts(parts).join(" ").match(/\d{4}/g), words);
});

test("a platform that is in no hurry is waited for; a lost answer is repeated once, and marked", async (t) => {
  const { emulator, say, shown } = await hostOnTelegram(t);
  const description = "Too Many Requests: retry after 1";
  emulator.fault("sendMessage", { kind: "answer", code: 429, description, parameters: { retry_after: 1 } });
  say("too fast");
  await shown((messages) => messages.length === 1);
  emulator.fault("sendMessage", { kind: "lost" });
  say("was it lost?");
  const all = texts(await shown((messages) => messages.length === 3));
  assert.equal(count(all, /^echo: too fast$/), 1);
  assert.equal(all[1], "echo: was it lost?");
  assert.match(all[2] ?? "", /^.{5,}echo: was it lost\?$/s);
  say("go on");
  await shown((messages) => count(texts(messages), /^echo: go on$/) === 1);
  assert.equal(emulator.screen.shown.length, 4);
});

test("while Telegram is away its owner is told in the terminal; then what waited is delivered", async (t) => {
  const { host, emulator, say, shown } = await hostOnTelegram(t);
  say("sleep:1500 for later");
  await pause(1000);
  await emulator.down();
  await host.follow(
    (all) => all.some(({ author, text }) => author === "system" && /telegram/i.test(text)),
    "main",
    90_000,
  );
  const down = (await host.call("channels.list", {})).find(({ id }) => id === "telegram");
  assert.equal(down?.state, "down");
  await emulator.up();
  await shown((messages) => count(texts(messages), /for later/) === 1, 90_000);
});

test("a host killed between a message and its answer answers it once after its start", async (t) => {
  const { host, say, shown } = await hostOnTelegram(t);
  say("sleep:2000 across the crash");
  await pause(1200);
  await host.kill("SIGKILL");
  await host.up();
  await shown((messages) => count(texts(messages), /across the crash/) > 0);
  await pause(1500);
  assert.equal(count(texts(await shown(() => true)), /across the crash/), 1);
});

test("what was said while the host was down is answered as one conversation, in order", async (t) => {
  const { host, say, shown } = await hostOnTelegram(t);
  say("before");
  await shown((messages) => count(texts(messages), /before/) === 1);
  await host.kill("SIGTERM");
  for (let n = 1; n <= 6; n++) say(`meanwhile ${n}.`);
  await host.up();
  const said = texts(await shown((messages) => count(texts(messages), /meanwhile 6\./) > 0));
  await pause(1000);
  const answers = said.filter((text) => /meanwhile/.test(text));
  assert.ok(answers.length <= 2, `one answer, or two where the first had begun: ${answers.length}`);
  assert.deepEqual(
    answers.join("\n").match(/meanwhile \d/g),
    [1, 2, 3, 4, 5, 6].map((n) => `meanwhile ${n}`),
  );
});

test("/stop ends what runs, and says so", async (t) => {
  const { say, shown } = await hostOnTelegram(t);
  say("sleep:60000 without end");
  await pause(1500);
  say("/stop");
  await shown((messages) => count(texts(messages), /Stopped/) === 1, 15_000);
});

test("what is being written is shown, and the answer takes its place", async (t) => {
  const { emulator, say, shown } = await hostOnTelegram(t);
  say("sleep:5000 slowly");
  const [draft] = await shown((messages) => messages.length === 1);
  assert.deepEqual(draft?.buttons, ["Stop"]);
  const [answer] = await shown((messages) => messages[0]?.buttons.length === 0);
  assert.match(answer?.text ?? "", /echo: .*slowly$/);
  assert.equal(emulator.screen.shown.length, 1);
});

test("a token that was revoked is told with what to do", async (t) => {
  const { host, emulator, say } = await hostOnTelegram(t);
  emulator.revoked = true;
  say("hello?");
  for (const until = Date.now() + 45_000; ; await pause(200)) {
    const telegram = (await host.call("channels.list", {})).find(({ id }) => id === "telegram");
    if (telegram?.state === "down") {
      assert.match(telegram.detail, /token.*BotFather/s);
      return;
    }
    assert.ok(Date.now() < until, JSON.stringify(telegram));
  }
});
