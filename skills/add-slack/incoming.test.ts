/** What is made of Slack's events, as pure functions; what strangers can put into them included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Heard, placeOf, readEvent, readMessage, readPress } from "./incoming.ts";
import { ANN, BOT, TEAM } from "./testing/workspace.ts";

const bot = { user: BOT.id, team: TEAM };
const TS = "1700000000.000100";

const callback = (event: object, more: object = {}) => ({ type: "event_callback", team_id: TEAM, event, ...more });
const said = (more: object = {}) => ({
  ...{ type: "message", channel: "C0ROOM", channel_type: "channel", user: ANN.id, team: TEAM, text: "hi", ts: TS },
  ...{ event_ts: TS, ...more },
});

function heard(event: object, more: object = {}): Heard {
  const incoming = readEvent(callback(event, more), bot);
  assert.ok(incoming.kind === "heard", JSON.stringify(incoming));
  return incoming.heard;
}
const kindOf = (event: object, more: object = {}) => readEvent(callback(event, more), bot).kind;
const placed = (event: object) => {
  const { address, mentioned, direct } = heard(event).event;
  return [address.chat, address.thread, mentioned, direct];
};

test("where it was said, and to whom", () => {
  const call = `<@${BOT.id}> hi`;
  assert.deepEqual(placed(said()), ["C0ROOM", null, false, false]);
  assert.deepEqual(placed(said({ text: call })), ["C0ROOM", TS, true, false]);
  assert.deepEqual(placed(said({ thread_ts: "1600000000.000001" })), ["C0ROOM", "1600000000.000001", false, false]);
  assert.deepEqual(placed(said({ thread_ts: TS })), ["C0ROOM", null, false, false]);
  assert.deepEqual(placed(said({ channel: "D0ANN", channel_type: "im" })), ["D0ANN", null, true, true]);
  assert.deepEqual(placed(said({ channel: "D0ANN", channel_type: "im", text: call })), ["D0ANN", null, true, true]);
  assert.deepEqual(placed(said({ channel: "G0GROUP", channel_type: "mpim" })), ["G0GROUP", null, false, false]);
  // Anybody can write its name; only Slack makes a mention of it.
  assert.deepEqual(placed(said({ text: `&lt;@${BOT.id}&gt; @nano` })), ["C0ROOM", null, false, false]);
});

test("a mention is told twice by Slack, and is the same event both times", () => {
  const event = said({ text: `<@${BOT.id}> hi`, files: [{ id: "F1", name: "a.txt" }] });
  const { channel_type: _, ...mention } = event;
  assert.deepEqual(heard({ ...mention, type: "app_mention" }), heard({ ...event, subtype: "file_share" }));
});

test("people are told apart by workspace and id, and others' workspaces are not ours", () => {
  assert.equal(heard(said()).event.user, `slack:${TEAM}:${ANN.id}`);
  assert.equal(heard(said({ user_team: "T0OTHER" })).event.user, `slack:T0OTHER:${ANN.id}`);
  assert.equal(heard(said({ team: undefined })).event.user, `slack:${TEAM}:${ANN.id}`);
  assert.equal(kindOf(said(), { team_id: "T0OTHER" }), "ignored");
  assert.equal(kindOf(said(), { authorizations: [{ team_id: "T0OTHER" }] }), "ignored");
  // In a channel that is shared between workspaces the event may be of the other one.
  assert.equal(kindOf(said(), { team_id: "T0OTHER", authorizations: [{ team_id: TEAM }] }), "heard");
});

test("programs, Slack itself and notices are not heard", () => {
  for (const more of [
    { bot_id: "B0BOT" },
    { user: BOT.id },
    { user: "USLACKBOT" },
    { user: undefined },
    { subtype: "channel_join" },
    { subtype: "bot_message" },
    { text: "" },
  ]) {
    assert.equal(kindOf(said(more)), "ignored", JSON.stringify(more));
  }
  assert.equal(kindOf({ type: "reaction_added", user: ANN.id }), "ignored");
});

test("a change has a higher revision than what was before, and is only one where a person made it", () => {
  const before = { ts: TS, user: ANN.id, team: TEAM, text: "helo" };
  const after = { ...before, text: "hello", edited: { user: ANN.id, ts: "1700000001.000000" } };
  const changed = {
    ...{ type: "message", subtype: "message_changed", channel: "C0ROOM", channel_type: "channel" },
    ...{ ts: "1700000001.000200", event_ts: "1700000001.000200", message: after, previous_message: before },
  };
  const { event, words } = heard(changed);
  assert.deepEqual(
    [event.change, event.platformId, event.revision, words],
    ["edited", TS, 1_700_000_001_000_200, "hello"],
  );
  const preview = { ...changed, previous_message: after, message: { ...after, attachments: [{ text: "a preview" }] } };
  assert.equal(kindOf(preview), "ignored");
  assert.equal(kindOf({ ...changed, message: { ...before, attachments: [] } }), "ignored");
  const deleted = { ...changed, subtype: "message_deleted", deleted_ts: TS, event_ts: "1700000002.000000" };
  assert.deepEqual(
    [heard(deleted).event.change, heard(deleted).event.user, heard(deleted).event.revision],
    ["deleted", `slack:${TEAM}:${ANN.id}`, 1_700_000_002_000_000],
  );
  const emptied = { ...changed, message: { ...before, subtype: "tombstone", user: "USLACKBOT" } };
  assert.deepEqual([heard(emptied).event.change, heard(emptied).event.platformId], ["deleted", TS]);
  assert.equal(kindOf({ ...deleted, previous_message: { ...before, bot_id: "B0BOT" } }), "ignored");
});

test("files come by their id; what can't be fetched is named in words", () => {
  const { event, words } = heard(
    said({
      subtype: "file_share",
      text: "look",
      files: [
        { id: "F1", name: "../../etc/a\u0000b.txt", mimetype: "text/plain", size: 3 },
        { id: "F2", name: "plan", mode: "external", external_url: "https://docs.invalid/1" },
        { id: "F3", name: "old", mode: "hidden_by_limit" },
      ],
    }),
  );
  assert.deepEqual(event.files, [{ name: ".._.._etc_a_b.txt", type: "text/plain", size: 3, ref: "F1" }]);
  assert.match(
    words,
    /^look\n\n\[a file elsewhere: plan \(https:\/\/docs\.invalid\/1\)\]\n\n\[a file that can't be had: old\]$/,
  );
  const many = heard(said({ files: Array.from({ length: 30 }, (_, index) => ({ id: `F${index}`, name: "a" })) }));
  assert.equal(many.event.files.length, 20);
  assert.match(many.words, /10 more files/);
});

test("a message that was passed on is told with whose it is; what apps add is not", () => {
  const attachments = [
    { is_share: true, author_name: "Ben <b>", text: "the plan" },
    { text: "a preview", from_url: "https://a.invalid" },
  ];
  assert.equal(heard(said({ text: "see", attachments })).words, 'see\n\n(Passed on, by Ben &lt;b&gt;: "the plan")');
});

test("a call before a command is not part of it", () => {
  assert.equal(heard(said({ text: `<@${BOT.id}> /stop` })).words, "/stop");
  assert.equal(heard(said({ text: `<@${BOT.id}>, stop` })).words, `<@${BOT.id}>, stop`);
});

test("a press is read with who and where; what is none is not", () => {
  const press = {
    ...{ type: "block_actions", user: { id: ANN.id, team_id: TEAM }, channel: { id: "C0ROOM" } },
    message: { ts: TS, thread_ts: "1600000000.000001" },
    actions: [{ type: "button", value: "yes" }],
  };
  assert.deepEqual(readPress(press, bot), {
    address: { channel: "slack", chat: "C0ROOM", thread: "1600000000.000001" },
    user: `slack:${TEAM}:${ANN.id}`,
    author: ANN.id,
    value: "yes",
  });
  assert.equal(readPress({ ...press, message: { ts: TS, thread_ts: TS } }, bot)?.address.thread, null);
  for (const wrong of [
    null,
    {},
    { ...press, actions: [] },
    { ...press, actions: [{ type: "overflow" }] },
    { ...press, channel: null },
  ]) {
    assert.equal(readPress(wrong, bot), null);
  }
});

test("what Slack would never send is unreadable or ignored, and nothing worse", () => {
  for (const wrong of [null, 1, "x", [], {}, { type: "event_callback" }, callback({}), callback({ type: 3 })]) {
    assert.equal(readEvent(wrong, bot).kind, "unreadable", JSON.stringify(wrong));
  }
  for (const more of [
    { ts: "now" },
    { ts: "1.2.3" },
    { channel: "" },
    { text: 7 },
    { thread_ts: "../x" },
    { user: {} },
  ]) {
    assert.equal(kindOf(said(more)), "unreadable", JSON.stringify(more));
  }
  fc.assert(
    fc.property(
      fc.object({ maxDepth: 3, key: fc.constantFrom("type", "text", "ts", "files", "message", "edited") }),
      (more) => {
        readEvent(callback({ ...said(), ...more }), bot);
        readPress({ type: "block_actions", ...more }, bot);
      },
    ),
  );
});

test("whatever a person writes, the host can take it", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ unit: "binary", maxLength: 400 }),
      (text, name) => {
        const incoming = readMessage(
          { ts: TS, user: ANN.id, text, files: [{ id: "F1", name }] },
          placeOf({ channel: "C0ROOM" }),
          bot,
        );
        assert.ok(incoming.kind === "heard");
        const [file] = incoming.heard.event.files;
        assert.ok(file && file.name !== "" && file.name.length <= 200 && !/[/\\\p{Cc}]/u.test(file.name));
      },
    ),
  );
});
