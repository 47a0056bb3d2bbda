import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { widthOf } from "../text.ts";
import { isWorking, type Message, newConversation, take } from "./conversation.ts";
import { appended, liveLines, newsLines, noPaint } from "./transcript.ts";

const size = { columns: 20, rows: 4 };
const message = (n: number, author: Message["author"], text: string, answers: number[] = []): Message => ({
  ...{ type: "message", n, from: "Nano", author, text, at: 0, answers },
});
const draft = (text: string, activity = "") => ({ type: "draft", turn: "1", text, activity }) as const;

test("a chat works from the question to the message that answers it", () => {
  let state = take(newConversation, message(1, "person", "hi")).state;
  assert.equal(isWorking(state), true);
  assert.deepEqual(liveLines(state, size, noPaint), ["  …"]);
  state = take(state, draft("He")).state;
  assert.deepEqual(liveLines(state, size, noPaint), ["He"]);
  state = take(state, message(3, "agent", "on my way")).state;
  assert.equal(isWorking(state), true);
  state = take(state, message(5, "agent", "Hello", [1])).state;
  assert.equal(isWorking(state), false);
  assert.deepEqual(liveLines(state, size, noPaint), []);
});

test("each new activity is told once", () => {
  let { state, news } = take(newConversation, draft("", "Bash: ls"));
  assert.deepEqual(news, [{ kind: "activity", text: "Bash: ls" }]);
  ({ state, news } = take(state, draft("x", "Bash: ls")));
  assert.deepEqual(news, []);
  ({ state, news } = take(state, draft("x")));
  assert.deepEqual(take(state, draft("x", "Bash: ls")).news.length, 1);
});

test("what was typed here leaves the waiting line when the log shows it", () => {
  const twice = { ...newConversation, unsent: [{ text: "a" }, { text: "a" }, { text: "b" }] };
  assert.deepEqual(take(twice, message(1, "person", "a")).state.unsent, [{ text: "a" }, { text: "b" }]);
  assert.deepEqual(take(twice, message(1, "person", "other")).state.unsent, twice.unsent);
});

test("a host that went away takes its draft with it and is missed", () => {
  const lost = take(take(newConversation, draft("He")).state, { type: "lost" }).state;
  assert.deepEqual(liveLines(lost, { columns: 80, rows: 4 }, noPaint), ["! The host is away; ./bin/ncl up starts it."]);
  assert.equal(take(lost, { type: "idle" }).state.connected, true);
});

test("the live part shows the end of a long draft and fits its space, whatever is written", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), fc.string(), (text, activity) => {
      const lines = liveLines(take(newConversation, draft(text, activity)).state, size, noPaint);
      assert.ok(lines.length <= size.rows);
      for (const line of lines) assert.ok(widthOf(line) < size.columns && !line.includes("\n"));
    }),
  );
  const { state } = take(newConversation, draft("1\n2\n3\n4\n5\n6"));
  assert.deepEqual(liveLines(state, size, noPaint), ["3", "4", "5", "6"]);
});

test("agents, people and the system look different", () => {
  const marked = {
    dim: (text: string) => `<${text}>`,
    bold: (text: string) => `*${text}*`,
    warn: (text: string) => `!${text}!`,
  };
  const lines = (author: Message["author"], text: string) =>
    newsLines({ kind: "message", message: message(1, author, text) }, 80, marked).map((line) =>
      line.replace(/\d\d:\d\d/, "hh:mm"),
    );
  assert.deepEqual(lines("agent", "a\nb\n"), ["*Nano* <hh:mm>", "a", "b", ""]);
  assert.deepEqual(lines("agent", ""), ["*Nano* <hh:mm>", "<(no words)>", ""]);
  assert.deepEqual(lines("person", "a\nb"), ["<› >a", "<  >b", ""]);
  assert.deepEqual(lines("system", "stopped"), ["!! Nano hh:mm!", "!stopped!", ""]);
});

test("a name can't break its line or drive the terminal", () => {
  const evil = { ...message(1, "agent", "\x1b[2Jhi"), from: "x\x1b[31m\ny" };
  assert.deepEqual(newsLines({ kind: "message", message: evil }, 80, noPaint).slice(1), ["hi", ""]);
  assert.match(newsLines({ kind: "message", message: evil }, 80, noPaint)[0] ?? "", /^x y \d\d:\d\d$/);
});

test("appending shows only what is new, and starts again where text was rewritten", () => {
  assert.equal(appended("", "Hel"), "Hel");
  assert.equal(appended("Hel", "Hello"), "lo");
  assert.equal(appended("Let me look", "There are"), "\nThere are");
});
