/** What an agent says, in Slack's markup: nothing of it may act on its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { OutgoingMessage } from "../../src/channels/channel.ts";
import { emojiName } from "./emoji.ts";
import { isMarked, markOf, metadataOf } from "./marks.ts";
import { contentOf, mrkdwn } from "./outgoing.ts";
import { callsIn, visibleText } from "./testing/visible.ts";

const saying = (text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  ...{ text, author: "agent", answers: [], files: [], buttons: [] },
  ...more,
});
const YES = [{ label: "Yes", value: "yes" }];

test("no words of an agent call anybody", () => {
  for (const text of [
    "<!channel> <!here> <!everyone>",
    "<@U0ANN> <@U0ANN|ann> <#C0ROOM>",
    "<!subteam^S0TEAM|@team> <!date^1^{date}|x>",
    "[x](<!channel>)",
    "[<!channel>](https://a.invalid)",
    "[a](https://a.invalid|<!channel>)",
    "`<!channel>`\n```\n<!here>\n```",
    "&lt;!channel&gt;",
    "**<!channel>**",
  ]) {
    for (const message of [saying(text), saying(text, { author: "system" }), saying(text, { buttons: YES })]) {
      const { text: whole, blocks } = contentOf(message);
      assert.deepEqual([...callsIn(whole), ...callsIn(JSON.stringify(blocks))], [], text);
    }
  }
  const piece = fc.constantFrom(
    "<",
    ">",
    "!",
    "@",
    "#",
    "|",
    "channel",
    "U0ANN",
    "&lt;",
    "](",
    "[",
    ")",
    "https://a",
    "`",
    "\n",
    "*",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = mrkdwn(pieces.join(""));
      assert.deepEqual(callsIn(text), []);
      for (const [, inner = ""] of text.matchAll(/<([^<>]*)>/g)) assert.match(inner, /^(https?:\/\/|mailto:)/);
    }),
  );
});

test("form and links are Slack's own; people read the words as they are", () => {
  assert.equal(mrkdwn("**hi** & <you>"), "*hi* &amp; &lt;you&gt;");
  assert.equal(mrkdwn("[here](https://a.invalid/b)"), "<https://a.invalid/b|here>");
  assert.equal(visibleText(mrkdwn("1 < 2 & 3 > 2")), "1 < 2 & 3 > 2");
});

test("what has buttons stands in as few blocks as Slack takes, whole", () => {
  const text = Array.from({ length: 100 }, (_, index) => `line ${index} & so on & so on`).join("\n");
  const { blocks } = contentOf(saying(text, { buttons: YES }));
  const shown = blocks.flatMap((block) => (block.type === "section" ? (block.text?.text ?? "") : []));
  assert.ok(shown.every((part) => part.length <= 3_000) && shown.length <= 3);
  assert.equal(visibleText(shown.join("\n")), text);
  assert.equal(blocks.at(-1)?.type, "actions");
  for (const hard of ["&".repeat(3_000), "<>".repeat(1_500), "😀".repeat(1_500)]) {
    const parts = contentOf(saying(hard, { buttons: YES })).blocks;
    assert.ok(parts.length <= 50);
    const words = parts.flatMap((block) => (block.type === "section" ? (block.text?.text ?? "") : []));
    assert.ok(words.every((part) => part.length <= 3_000));
    assert.equal(visibleText(words.join("")), hard);
  }
});

test("the host's own words look different, unless they ask something", () => {
  const kinds = (message: OutgoingMessage) => contentOf(message).blocks.map(({ type }) => type);
  assert.deepEqual(kinds(saying("hi")), []);
  assert.deepEqual(kinds(saying("wait", { author: "system" })), ["context"]);
  assert.deepEqual(kinds(saying("May I?", { author: "system", buttons: YES })), ["section", "actions"]);
});

test("a label is never longer than Slack takes", () => {
  const { blocks } = contentOf(saying("x", { buttons: [{ label: "😀".repeat(60), value: "v" }] }));
  const [button] = blocks.flatMap((block) => (block.type === "actions" ? block.elements : []));
  assert.ok(button?.type === "button" && button.text.text.length <= 75 && button.text.text.isWellFormed());
});

test("the mark of a key is found again, is nobody else's, and does not tell the key", () => {
  assert.ok(isMarked(metadataOf("s-1:7:draft"), "s-1:7:draft"));
  for (const other of [
    metadataOf("s-1:8:draft"),
    { event_type: "x", event_payload: { mark: markOf("s-1:7:draft") } },
    undefined,
    {},
    { event_type: "nanoclaw_message" },
  ])
    assert.ok(!isMarked(other, "s-1:7:draft"));
  assert.ok(!JSON.stringify(metadataOf("s-1:7:draft")).includes("s-1"));
});

test("emoji have Slack's names, in whatever form they are written", () => {
  const cases: [string, string | null][] = [
    ["👍", "+1"],
    ["👍🏽", "+1"],
    ["❤️", "heart"],
    [":tada:", "tada"],
    ["eyes", "eyes"],
    ["🦑", null],
    ["<!channel>", null],
    ["", null],
  ];
  for (const [emoji, name] of cases) assert.equal(emojiName(emoji), name, emoji);
});
