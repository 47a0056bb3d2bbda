import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlClient, HostDown } from "../client.ts";
import { FakeHost } from "../testing/fake-host.ts";
import { ask } from "./ask.ts";
import { followChat, say } from "./follow.ts";

const forever = new AbortController().signal;

test("over restarts of the host each message is seen once and in order", async () => {
  await using host = new FakeHost();
  await host.start();
  const client = new ControlClient(host.socketPath);
  const seen: string[] = [];
  const begun = Promise.withResolvers<void>();
  const reader = (async () => {
    for await (const event of followChat(client, "main", { tail: 2 }, forever)) {
      if (event.type === "idle") begun.resolve();
      if (event.type === "message") seen.push(event.text);
      if (seen.at(-1) === "last") return;
    }
  })();
  // Whoever begins later sees only the last two.
  await begun.promise;
  for (let round = 0; round < 5; round++) {
    host.reply(`live ${round}`);
    if (round % 2 === 0) await sleep(20);
    await host.stop();
    host.reply(`away ${round}`);
    await host.start();
    if (round % 2 === 1) await sleep(150);
  }
  host.reply("last");
  await reader;
  const rounds = [0, 1, 2, 3, 4].flatMap((round) => [`live ${round}`, `away ${round}`]);
  assert.deepEqual(seen, [...rounds, "last"]);
});

test("a message said while the host restarts is said once", async () => {
  await using host = new FakeHost();
  const client = new ControlClient(host.socketPath);
  setTimeout(() => host.start(), 150);
  const n = await say(client, { chat: "main", text: "hi" }, true, forever);
  assert.deepEqual(
    host.log.filter((message) => message.author === "person").map((message) => message.n),
    [n],
  );
});

test("a message whose answer was cut off is repeated with its key, not doubled", async () => {
  await using host = new FakeHost();
  await host.start();
  const send = host.verbs["chat.send"];
  let first = true;
  host.verbs["chat.send"] = async (args) => {
    const result = send?.(args);
    if (!first) return result;
    first = false;
    setTimeout(() => host.stop().then(() => host.start()), 10);
    return new Promise(() => {});
  };
  await say(new ControlClient(host.socketPath), { chat: "main", text: "hi" }, false, forever);
  assert.equal(host.log.filter((message) => message.author === "person").length, 1);
  assert.equal(host.calls.filter(({ verb }) => verb === "chat.send").length, 2);
});

test("who does not want to wait hears that the host is down", async () => {
  await using host = new FakeHost();
  await assert.rejects(say(new ControlClient(host.socketPath), { chat: "main", text: "hi" }, false, forever), HostDown);
});

test("an answer is all that the agent says for the question, and nothing of other questions", async () => {
  await using host = new FakeHost();
  await host.start();
  host.agent = (n) => {
    host.reply("for somebody else", [n - 1]);
    host.reply("on my way");
    host.reply("trying again", [], "main", "system");
    host.reply("another question", [], "main", "person");
    host.reply("done", [n]);
  };
  const notices: string[] = [];
  const answer = await ask(
    new ControlClient(host.socketPath),
    { chat: "main", text: "go" },
    (text) => notices.push(text),
    forever,
  );
  assert.deepEqual(answer, { texts: ["on my way", "done"], failure: null });
  assert.deepEqual(notices, ["trying again"]);
});

test("a turn that failed is a failure with the host's words; silence is an answer", async () => {
  await using host = new FakeHost();
  await host.start();
  const client = new ControlClient(host.socketPath);
  host.agent = (n) => host.reply("the key is wrong", [n], "main", "system");
  assert.deepEqual(await ask(client, { chat: "main", text: "go" }, () => {}, forever), {
    texts: [],
    failure: "the key is wrong",
  });
  host.agent = (n) => host.reply("", [n]);
  assert.deepEqual(await ask(client, { chat: "main", text: "go" }, () => {}, forever), { texts: [], failure: null });
});
