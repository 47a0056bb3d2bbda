import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FakeHost } from "../testing/fake-host.ts";
import { Terminal } from "../testing/terminal.ts";

const count = (text: string, part: string) => text.split(part).length - 1;

async function started(): Promise<FakeHost> {
  const host = new FakeHost();
  await host.start();
  host.reply("words of yesterday");
  return host;
}

test("a draft is redrawn in place and replaced by the message, while a person types", async () => {
  await using host = await started();
  host.agent = () => {};
  using terminal = new Terminal("ncl chat", host.run);
  await terminal.shows("words of yesterday");
  terminal.type("hello\r");
  await terminal.shows("› hello");
  terminal.type("next quest");
  host.tell("main", { type: "draft", turn: "1", text: "", activity: "Bash: ls" });
  await terminal.shows("· Bash: ls");
  for (let words = 1; words <= 60; words++) {
    host.tell("main", { type: "draft", turn: "1", text: "draft ".repeat(words), activity: "" });
  }
  await terminal.until((screen) => count(screen, "draft") === 60, "the whole draft");
  const question = host.log.at(-1)?.n ?? 0;
  host.reply("the \x1b[2J\x1b]0;evil\x07answer", [question]);
  await terminal.shows("the answer");
  terminal.type("ion");
  await terminal.shows("› next question");
  const { text } = terminal.screen;
  assert.equal(count(text, "draft"), 0);
  for (const once of ["words of yesterday", "› hello", "· Bash: ls", "the answer"]) assert.equal(count(text, once), 1);
  assert.doesNotMatch(terminal.raw, /evil|\[2J/);
});

test("a restart of the host neither loses nor doubles what is said", async () => {
  await using host = await started();
  using terminal = new Terminal("ncl chat", host.run);
  await terminal.shows("words of yesterday");
  await host.stop();
  await terminal.shows("The host is away");
  terminal.type("while you were away\r");
  await terminal.shows("it gets what you typed");
  host.reply("said without a listener");
  await host.start();
  await terminal.shows("You said: while you were away");
  await terminal.until((screen) => !screen.includes("The host is away"), "the end of the outage");
  const { text } = terminal.screen;
  for (const once of ["words of yesterday", "› while you were away", "said without a listener", "You said"])
    assert.equal(count(text, once), 1, text);
});

test("a paste of several lines is one message", async () => {
  await using host = await started();
  using terminal = new Terminal("ncl chat", host.run);
  await terminal.shows("words of yesterday");
  terminal.type("\x1b[200~first\rsecond\x1b[201~");
  await terminal.shows("› first␤second");
  assert.equal(host.log.length, 1);
  terminal.type("\r");
  await terminal.shows("You said: first\nsecond");
});

test("Ctrl-C stops the agent, a second one leaves and the terminal is as before", async () => {
  await using host = await started();
  host.agent = () => {};
  using terminal = new Terminal("ncl chat", host.run);
  await terminal.shows("words of yesterday");
  terminal.type("work\r");
  await terminal.shows("  …");
  terminal.type("\x03");
  await terminal.shows("Stopping…");
  assert.equal(host.calls.at(-1)?.verb, "chat.stop");
  terminal.type("\x03");
  assert.equal(await terminal.ended, 0);
  assert.ok(terminal.raw.endsWith("\x1b[?2004l"));
});

test("Ctrl-C first empties the line, Ctrl-D leaves, commands stay here", async () => {
  await using host = await started();
  using terminal = new Terminal("ncl chat", host.run);
  await terminal.shows("words of yesterday");
  terminal.type("not this");
  await terminal.shows("› not this");
  terminal.type("\x03/help\r");
  await terminal.shows("Ctrl-D leaves");
  terminal.type("//help\r");
  await terminal.shows("You said: /help");
  await sleep(50);
  terminal.type("\x04");
  assert.equal(await terminal.ended, 0);
  assert.deepEqual(
    host.log.filter((message) => message.author === "person").map((message) => message.text),
    ["/help"],
  );
});

test("a chat without a host says so and leaves", async () => {
  await using host = new FakeHost();
  using terminal = new Terminal("ncl chat", host.run);
  assert.equal(await terminal.ended, 3);
  assert.match(terminal.screen.text, /the host is not running/);
});

test("a terminal that can't move the cursor gets the words as they come", async () => {
  await using host = await started();
  host.agent = (n) => {
    host.tell("main", { type: "draft", turn: "1", text: "one ", activity: "" });
    host.tell("main", { type: "draft", turn: "1", text: "one two ", activity: "" });
    host.reply("one two three", [n]);
  };
  using terminal = new Terminal("ncl chat", host.run, "dumb");
  await terminal.shows("words of yesterday");
  terminal.type("go\r");
  await terminal.shows("one two three");
  assert.equal(count(terminal.screen.text, "one"), 1);
  assert.ok(!terminal.raw.includes("\x1b"));
});
