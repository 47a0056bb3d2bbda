import assert from "node:assert/strict";
import { test } from "node:test";
import { askOnce, welcomeArrives, welcomeSoFar } from "./conversation.ts";
import { lines, standInHost } from "./testing/stand-in-host.ts";

const message = (n: number, author: string, text: string, answers: number[] = []) => ({
  type: "message",
  n,
  from: author,
  author,
  text,
  at: 0,
  answers,
});

test("the answer is all that the agent says until its turn is done", async (t) => {
  const { context, asked } = await standInHost(t, {
    "chat.send": () => ({ n: 7, status: "accepted" }),
    "chat.follow": () =>
      lines(
        message(8, "agent", "One moment."),
        { type: "draft", turn: "a", text: "He", activity: "" },
        message(9, "agent", "Hello!", [7]),
      ),
  });
  assert.equal(await askOnce(context.control, "hello", "key-12345", 5000), "One moment.\n\nHello!");
  assert.deepEqual(asked[0], { verb: "chat.send", args: { chat: "main", text: "hello", key: "key-12345" } });
  assert.equal(asked[1]?.args.after, 7);
});

test("a turn that failed is told in the host's own words", async (t) => {
  const { context } = await standInHost(t, {
    "chat.send": () => ({ n: 1, status: "accepted" }),
    "chat.follow": () => lines(message(2, "system", "The model is overloaded.", [1])),
  });
  await assert.rejects(askOnce(context.control, "hello", "key-12345", 5000), /The model is overloaded/);
});

test("an answer that does not come ends the wait", async (t) => {
  const { context } = await standInHost(t, {
    "chat.send": () => ({ n: 1, status: "accepted" }),
    "chat.follow": () => lines({ type: "idle" }),
  });
  await assert.rejects(askOnce(context.control, "hello", "key-12345", 50), /did not arrive within 0.05 s/);
});

test("the welcome counts as seen only when the agent itself has spoken", async (t) => {
  for (const [expected, ...history] of [
    ["absent"],
    ["failed before", message(1, "system", "No key.")],
    ["seen", message(1, "system", "No key."), message(2, "agent", "Hi")],
  ]) {
    const { context } = await standInHost(t, { "chat.follow": () => lines(...history, { type: "idle" }) });
    assert.equal(await welcomeSoFar(context.control, 5000), expected);
  }
});

test("a host that reports trouble instead of a welcome is quoted", async (t) => {
  const { context } = await standInHost(t, {
    "chat.follow": () => lines({ type: "idle" }, message(1, "system", "The engine is gone.")),
  });
  await assert.rejects(welcomeArrives(context.control, 5000), /instead of its welcome: The engine is gone/);
});
