import assert from "node:assert/strict";
import { test } from "node:test";
import { Chats } from "./chats.ts";
import { type Incoming, readUpdate } from "./incoming.ts";
import { ANN, BOT } from "./testing/emulator.ts";

const GROUP = { id: -100200, type: "supergroup", title: "Kitchen" };
const PRIVATE = { id: 77, type: "private" };
const nowhere = new Chats({ get: () => null, set: () => {} });
const read = (update: object, naming = nowhere) => readUpdate(update, BOT, naming);

function message(fields: object, update: object = {}): Incoming {
  return read({
    update_id: 5,
    message: { message_id: 9, from: ANN, chat: GROUP, date: 1_700_000_000, ...fields },
    ...update,
  });
}

function event(fields: object) {
  const incoming = message(fields);
  assert.equal(incoming.kind, "event", JSON.stringify(incoming));
  return incoming.kind === "event" ? incoming.event : assert.fail();
}

const command = (text: string) => ({
  text,
  entities: [{ type: "bot_command", offset: 0, length: text.split(" ")[0]?.length ?? 0 }],
});

test("a message in a group has its author as Telegram confirms it", () => {
  assert.deepEqual(event({ text: "hi" }), {
    address: { channel: "telegram", chat: "-100200", thread: null },
    change: "said",
    platformId: "9",
    revision: 0,
    user: "telegram:77",
    userName: "Ann Example",
    text: "hi",
    at: 1_700_000_000_000,
    mentioned: false,
    direct: false,
    files: [],
  });
});

test("a private chat is direct, and always for the agent", () => {
  const { direct, mentioned } = event({ chat: PRIVATE, text: "hi" });
  assert.deepEqual([direct, mentioned], [true, true]);
});

test("a topic is a thread; a chain of replies and the General topic are not", () => {
  const threadOf = (fields: object) => event({ text: "hi", ...fields }).address.thread;
  assert.equal(threadOf({ message_thread_id: 4, is_topic_message: true }), "4");
  assert.equal(threadOf({ message_thread_id: 4 }), null);
  assert.equal(threadOf({}), null);
});

test("it is mentioned by its name, by an answer to it, by a command; not by those of others", () => {
  const mentioned = (fields: object) => event(fields).mentioned;
  const named = (text: string, name: string) => ({
    text,
    entities: [{ type: "mention", offset: text.indexOf(name), length: name.length }],
  });
  assert.equal(mentioned(named("hi @Nano_Bot!", "@Nano_Bot")), true);
  assert.equal(mentioned(named("😀 hi @nano_bot", "@nano_bot")), true);
  assert.equal(mentioned(named("hi @other_bot", "@other_bot")), false);
  assert.equal(mentioned({ text: "hi @nano_bot, it says" }), false);
  assert.equal(
    mentioned({ caption: "@nano_bot", photo: [], caption_entities: named("@nano_bot", "@nano_bot").entities }),
    true,
  );
  assert.equal(
    mentioned({ text: "Nano", entities: [{ type: "text_mention", offset: 0, length: 4, user: BOT }] }),
    true,
  );
  assert.equal(mentioned({ text: "yes", reply_to_message: { from: BOT } }), true);
  assert.equal(mentioned({ text: "yes", reply_to_message: { from: BOT, forum_topic_created: {} } }), false);
  assert.equal(mentioned({ text: "yes", reply_to_message: { from: ANN } }), false);
  assert.equal(mentioned(command("/stop")), true);
  assert.equal(mentioned(command("/stop@nano_bot")), true);
  assert.equal(mentioned(command("/stop@other_bot")), false);
});

test("a command is given without the name of the bot, and with it where another is meant", () => {
  assert.equal(event(command("/stop@Nano_bot now")).text, "/stop now");
  assert.equal(event(command("/stop@other_bot now")).text, "/stop@other_bot now");
  assert.equal(event(command("/start abc")).text, "/start abc");
});

test("edits of one second differ, grow, and are the same when they come twice", () => {
  const edit = (update: number, second: number) => {
    const edited_message = { message_id: 9, from: ANN, chat: GROUP, date: 1, edit_date: second, text: "x" };
    const incoming = read({ update_id: update, edited_message });
    return incoming.kind === "event" ? [incoming.event.change, incoming.event.revision] : assert.fail();
  };
  const revisions = [edit(7, 1_700_000_000), edit(8, 1_700_000_000), edit(9, 1_700_000_001)].map(([, n]) => Number(n));
  assert.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(revisions).size, 3);
  assert.ok(revisions.every((n) => Number.isSafeInteger(n) && n > 0));
  assert.deepEqual(edit(7, 1_700_000_000), edit(7, 1_700_000_000));
});

test("files come with a name, a type, and what fetches them; of a photo the largest", () => {
  const file = (fields: object) => event(fields).files;
  const size = (file_id: string, width: number) => ({ file_id, width, height: width, file_size: width });
  assert.deepEqual(file({ photo: [size("s", 90), size("l", 1280), size("m", 320)], caption: "look" }), [
    { name: "photo-9.jpg", type: "image/jpeg", size: 1280, ref: "l" },
  ]);
  const document = { file_id: "d", file_name: "a.pdf", mime_type: "application/pdf", file_size: 5 };
  assert.deepEqual(file({ document }), [{ name: "a.pdf", type: "application/pdf", size: 5, ref: "d" }]);
  assert.deepEqual(file({ voice: { file_id: "v" } }), [
    { name: "voice-9.ogg", type: "audio/ogg", size: null, ref: "v" },
  ]);
  assert.equal(file({ animation: { file_id: "g" }, document: { file_id: "g" } }).length, 1);
  assert.equal(event({ document, caption: "read it" }).text, "read it");
});

test("what has no words is named in a note", () => {
  assert.equal(event({ sticker: { emoji: "😀" } }).text, "[sticker 😀]");
  assert.equal(event({ location: { latitude: 1.5, longitude: 2 } }).text, "[location: 1.5, 2]");
  assert.equal(event({ contact: { phone_number: "123", first_name: "Bo" } }).text, "[contact: Bo 123]");
});

test("who speaks as a group or a channel is that chat and no person", () => {
  const anonymous = { id: 1087968824, is_bot: true, first_name: "Group" };
  const { user, userName } = event({ from: anonymous, sender_chat: GROUP, author_signature: "boss", text: "hi" });
  assert.deepEqual([user, userName], ["telegram:-100200", "Kitchen, boss"]);
});

test("what is not for an agent is ignored, with the reason", () => {
  const why = (incoming: Incoming) => (incoming.kind === "ignored" ? incoming.why : assert.fail(incoming.kind));
  assert.match(why(message({ from: { ...BOT, id: 5 }, text: "beep" })), /another bot/);
  assert.match(why(message({ chat: { ...GROUP, type: "channel" }, text: "news" })), /channel/);
  assert.match(why(message({ is_automatic_forward: true, text: "news" })), /channel/);
  assert.match(why(message({ new_chat_members: [ANN] })), /notice/);
  assert.match(
    why(
      read({
        update_id: 1,
        edited_message: { message_id: 1, from: ANN, chat: GROUP, date: 1, location: { latitude: 1, longitude: 1 } },
      }),
    ),
    /location/,
  );
  for (const strange of [null, 1, [], {}, { update_id: "x" }, { update_id: 1, message: { chat: 1 } }]) {
    assert.equal(read(strange as object).kind, "unreadable");
  }
});

test("a thing of a shape that nobody knows yet costs its note, not the message", () => {
  assert.equal(event({ text: "vote", poll: { question: { text: "?" } } }).text, "vote");
});

test("a press has the chat, the topic, who pressed and the value", () => {
  const message = { message_id: 3, chat: GROUP, date: 0, is_topic_message: true, message_thread_id: 4 };
  assert.deepEqual(read({ update_id: 1, callback_query: { id: "q", from: ANN, message, data: "yes" } }), {
    kind: "press",
    query: "q",
    press: {
      address: { channel: "telegram", chat: "-100200", thread: "4" },
      user: "telegram:77",
      userName: "Ann Example",
      value: "yes",
    },
  });
});

test("a group that became a supergroup stays the same chat, and its new messages never meet the old ones", () => {
  const kept = new Map<string, string>();
  const chats = new Chats({
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value ?? ""),
  });
  assert.deepEqual(message({ chat: { id: -5, type: "group" }, migrate_to_chat_id: -100200 }), {
    kind: "moved",
    from: "-5",
    to: "-100200",
  });
  assert.deepEqual(message({ migrate_from_chat_id: -5 }), { kind: "moved", from: "-5", to: "-100200" });
  chats.moved("-5", "-100200");
  const incoming = read(
    { update_id: 1, message: { message_id: 9, from: ANN, chat: GROUP, date: 1, text: "hi" } },
    chats,
  );
  const found = incoming.kind === "event" ? incoming.event : assert.fail();
  assert.deepEqual([found.address.chat, found.platformId], ["-5", "s9"]);
  assert.deepEqual([chats.now("-5"), chats.messageId("-5", "s9"), chats.messageId("-5", "9")], ["-100200", 9, null]);
  assert.deepEqual([chats.now("77"), chats.messageId("77", "9"), chats.messageId("77", "junk")], ["77", 9, null]);
});
