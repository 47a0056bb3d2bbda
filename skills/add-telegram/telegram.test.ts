/** The channel against our own emulator: what the conformance suite does not ask of every channel. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChannelEvent, type OutgoingMessage, STOP_BUTTON } from "../../src/channels/channel.ts";
import { Misuse, Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { channel as telegram } from "./channel.ts";
import { TOKEN } from "./testing/emulator.ts";
import { emulated } from "./testing/platform.ts";

async function given(t: TestContext) {
  const world = await emulated();
  const { emulator, chat } = world;
  const group = emulator.chat({ id: -55, type: "group", title: "Kitchen" });
  const forum = emulator.chat({ id: -100300, type: "supergroup", title: "Forum" });
  const channel = world.open();
  const events: ChannelEvent[] = [];
  const host = {
    accept: async (event: ChannelEvent) => {
      events.push(event);
      return { status: "accepted" as const };
    },
    press: async () => "noted",
  };
  await channel.start(host);
  const folder = mkdtempSync(join(tmpdir(), "nc-telegram-"));
  t.after(async () => {
    await channel.stop();
    if (emulator.listening) await emulator.down();
    rmSync(folder, { recursive: true });
  });
  const { edit, react, fetch } = channel;
  assert.ok(edit && react && fetch);
  return {
    ...world,
    channel,
    host,
    events,
    group,
    forum,
    edit: edit.bind(channel),
    react: react.bind(channel),
    fetch: fetch.bind(channel),
    file(name: string, content = "bytes") {
      writeFileSync(join(folder, name), content);
      return { path: join(folder, name), name };
    },
    at: (place: { id: number } = chat, thread: string | null = null): Address => ({
      channel: "telegram",
      chat: String(place.id),
      thread,
    }),
  };
}

const saying = (text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  ...{ text, author: "agent", answers: [], files: [], buttons: [] },
  ...more,
});

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !holds(); await sleep(5)) {
    if (Date.now() > end) throw new Error(`it never came to pass: ${holds}`);
  }
}

test("text is set in Telegram's format; what it can't read goes as it was written", async (t) => {
  const { channel, emulator, at } = await given(t);
  await channel.send(at(), saying("**hi** `there`"), "1");
  emulator.fault("sendMessage", { kind: "answer", code: 400, description: "Bad Request: can't parse entities: odd" });
  await channel.send(at(), saying("**odd**"), "2");
  await channel.send(at(), saying("be patient", { author: "system" }), "3");
  assert.deepEqual(
    emulator.screen.shown.map(({ html }) => html),
    ["<b>hi</b> <code>there</code>", "**odd**", "<i>be patient</i>"],
  );
});

test("an answer in a group names what it answers and stays in its topic; with one person it does not", async (t) => {
  const { channel, emulator, at, forum } = await given(t);
  await channel.send(at(forum, "4"), saying("a", { answers: ["7", "8"] }), "1");
  await channel.send(at(), saying("b", { answers: ["7"] }), "2");
  assert.deepEqual(
    emulator.screen.shown.map(({ thread, answers }) => [thread, answers]),
    [
      [4, 8],
      [null, null],
    ],
  );
});

test("a file goes with its text in one message: pictures as photos, others as documents", async (t) => {
  const { channel, emulator, at, file } = await given(t);
  const buttons = [{ label: "Ok", value: "ok" }];
  await channel.send(at(), saying("**read**", { files: [file("a b.txt", "€ \r\n--x")], buttons }), "1");
  await channel.send(at(), saying("", { files: [file("a.png")] }), "2");
  emulator.fault("sendPhoto", { kind: "answer", code: 400, description: "Bad Request: PHOTO_INVALID_DIMENSIONS" });
  await channel.send(at(), saying("long", { files: [file("b.png")] }), "3");
  assert.deepEqual(
    emulator.screen.shown.map(({ text, files, buttons }) => [text, files[0]?.as, files[0]?.name, buttons.length]),
    [
      ["read", "document", "a b.txt", 1],
      ["", "photo", "a.png", 0],
      ["long", "document", "b.png", 0],
    ],
  );
  assert.equal(emulator.screen.shown[0]?.files[0]?.bytes.toString(), "€ \r\n--x");
});

test("several files are one album, whose receipt is its first", async (t) => {
  const { channel, emulator, at, file } = await given(t);
  const { platformId } = await channel.send(at(), saying("two", { files: [file("a.txt"), file("b.png")] }), "1");
  assert.deepEqual(
    emulator.screen.shown.map(({ text, files }) => [text, files[0]?.as]),
    [
      ["two", "document"],
      ["", "document"],
    ],
  );
  assert.equal(platformId, String(emulator.screen.shown[0]?.id));
  assert.deepEqual(
    emulator.calls.filter((call) => call.startsWith("send")),
    ["sendMediaGroup"],
  );
});

test("a text too long for a caption goes before its file, and is not repeated when the file comes later", async (t) => {
  const { channel, emulator, at, file } = await given(t);
  const message = saying("x".repeat(2000), { files: [file("a.txt")] });
  emulator.fault("sendDocument", { kind: "answer", code: 502, description: "Bad Gateway" });
  await assert.rejects(channel.send(at(), message, "1"), Retryable);
  const { platformId } = await channel.send(at(), message, "1");
  assert.deepEqual(
    emulator.screen.shown.map(({ text, files }) => [text.length, files.length]),
    [
      [2000, 0],
      [0, 1],
    ],
  );
  assert.equal(platformId, String(emulator.screen.shown[0]?.id));
});

test("what Telegram would never take is rejected before it is asked", async (t) => {
  const { channel, emulator, at, file } = await given(t);
  const before = emulator.calls.length;
  const refused = (message: OutgoingMessage, why: RegExp) =>
    assert.rejects(channel.send(at(), message, "1"), (error) => error instanceof Rejected && why.test(error.message));
  await refused(saying(" \n"), /nothing/);
  await refused(saying("", { files: [{ path: "/nowhere/a", name: "a" }] }), /"a" is not there/);
  await refused(saying("", { files: [file("empty", "")] }), /empty/);
  await refused(saying("", { files: Array.from({ length: 11 }, () => file("a")) }), /at most 10/);
  assert.equal(emulator.calls.length, before);
});

test("each of Telegram's refusals is in plain words, with what to do", async (t) => {
  const { channel, emulator, at, react } = await given(t);
  const meets = async (code: number, description: string, expected: typeof Rejected | typeof Unknown, why: RegExp) => {
    emulator.fault("sendMessage", { kind: "answer", code, description });
    await assert.rejects(
      channel.send(at(), saying("x"), "1"),
      (error) => error instanceof expected && why.test(error.message),
    );
  };
  await meets(403, "Forbidden: bot was blocked by the user", Rejected, /unblock/);
  await meets(403, "Forbidden: bot was kicked from the group chat", Rejected, /add it again/);
  await meets(400, "Bad Request: not enough rights to send text messages to the chat", Rejected, /administrator/);
  await meets(500, "Internal Server Error", Unknown, /may have it/);
  await assert.rejects(channel.send(at({ id: 99 }), saying("x"), "1"), /no such chat/);
  await assert.rejects(react(at(), "1", "🦑"), /no reaction that Telegram allows here; try one of 👍/);
});

test("a gateway's page is not an answer: what it could not pass on may be tried again", async (t) => {
  const { channel, emulator, at } = await given(t);
  emulator.fault("sendMessage", { kind: "page", status: 502 });
  await assert.rejects(channel.send(at(), saying("x"), "1"), Retryable);
  emulator.fault("sendMessage", { kind: "page", status: 504 });
  await assert.rejects(channel.send(at(), saying("x"), "1"), Unknown);
});

test("no error tells the token", async (t) => {
  const { channel, emulator, at, fetch } = await given(t);
  await emulator.down();
  for (const failing of [() => channel.send(at(), saying("x"), "1"), () => fetch("file-0")]) {
    await assert.rejects(failing, (error: Error) => !`${error.stack} ${JSON.stringify(error)}`.includes(TOKEN));
  }
});

test("a chat with too much to say gets it back, with how long to wait; other chats don't notice", async (t) => {
  const { channel, emulator, at, group } = await given(t);
  for (let n = 0; n < 4; n++) await channel.send(at(), saying(`${n}`), `${n}`);
  emulator.fault("sendMessage", {
    kind: "answer",
    code: 429,
    description: "Too Many Requests",
    parameters: { retry_after: 30 },
  });
  await assert.rejects(
    channel.send(at(), saying("x"), "x"),
    (error) => error instanceof Retryable && error.after === 30_000,
  );
  const asked = emulator.calls.length;
  await assert.rejects(
    channel.send(at(), saying("x"), "x"),
    (error) => error instanceof Retryable && (error.after ?? 0) > 10_000,
  );
  assert.equal(emulator.calls.length, asked);
  await channel.send(at(group), saying("here"), "g");
});

test("drafts that come too fast are dropped; the answer that takes their place goes at once", async (t) => {
  const { channel, emulator, at, edit, parts } = await given(t);
  const { platformId } = await channel.send(at(), saying("0"), "1");
  const began = parts.clock.now();
  const dropped: unknown[] = [];
  for (let n = 1; n <= 10; n++) {
    await edit(at(), platformId, saying(`${n}`, { buttons: [STOP_BUTTON] })).catch((error) => dropped.push(error));
  }
  assert.ok(dropped.length >= 5 && dropped.every((error) => error instanceof Retryable));
  await edit(at(), platformId, saying("the answer"));
  assert.ok(parts.clock.now() - began < 4_000);
  assert.deepEqual(
    emulator.screen.shown.map(({ text, buttons }) => [text, buttons]),
    [["the answer", []]],
  );
});

test("of edits of one message that pile up only the last is made, after the one under way", async (t) => {
  const { channel, emulator, at, edit } = await given(t);
  const { platformId } = await channel.send(at(), saying("0"), "1");
  const ends = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => edit(at(), platformId, saying(`${n}`))));
  assert.equal(ends.at(-1)?.status, "fulfilled");
  assert.equal(ends.filter(({ status }) => status === "rejected").length >= 3, true);
  assert.equal(emulator.screen.shown[0]?.text, "5");
});

test("the text under a file is edited as well; buttons go with an edit", async (t) => {
  const { channel, emulator, at, edit, file } = await given(t);
  const buttons = [{ label: "Ok", value: "ok" }];
  const { platformId } = await channel.send(at(), saying("a", { files: [file("a.txt")], buttons }), "1");
  await edit(at(), platformId, saying("b"));
  assert.deepEqual([emulator.screen.shown[0]?.text, emulator.screen.shown[0]?.buttons], ["b", []]);
  await assert.rejects(edit(at(), "999", saying("b")), /gone/);
});

test("a reaction's colour mark does not matter", async (t) => {
  const { channel, emulator, at, react } = await given(t);
  const { platformId } = await channel.send(at(), saying("a"), "1");
  await react(at(), platformId, "❤️");
  assert.equal(emulator.screen.shown[0]?.reaction, "❤");
});

test("typing is shown once in a few seconds, in its topic", async (t) => {
  const { channel, emulator, at, forum } = await given(t);
  for (let n = 0; n < 5; n++) channel.typing?.(at(forum, "4"));
  channel.typing?.(at());
  await until(() => emulator.screen.actions.length === 2);
  await sleep(20);
  assert.deepEqual(emulator.screen.actions.toSorted(), ["-100300/4", "77/"]);
});

test("a group that became a supergroup is followed, in and out, also when the notice comes after", async (t) => {
  const { channel, emulator, at, group, events, edit } = await given(t);
  const first = await channel.send(at(group), saying("a"), "1");
  const now = emulator.upgrade(group, -100400);
  emulator.say(now, { text: "moved" });
  await until(() => events.length === 1);
  assert.deepEqual([events[0]?.address.chat, events[0]?.platformId], ["-55", "s2"]);
  const { platformId } = await channel.send(at(group), saying("b"), "2");
  assert.deepEqual([emulator.screen.shown[1]?.chat, platformId], [-100400, "s3"]);
  await edit(at(group), platformId, saying("c"));
  await assert.rejects(edit(at(group), first.platformId, saying("c")), Rejected);

  const other = emulator.chat({ id: -66, type: "group", title: "Hall" });
  emulator.upgradeSilently(other, -100500);
  assert.deepEqual(await channel.send(at(other), saying("d"), "3"), { platformId: "s1" });
});

test("updates that come twice or in another order are taken in their order", async (t) => {
  const { emulator, events, chat, host } = await given(t);
  const gate = Promise.withResolvers<void>();
  const accept = host.accept;
  host.accept = async (event) => {
    await gate.promise;
    return accept(event);
  };
  emulator.say(chat, { text: "0" });
  await sleep(50);
  emulator.reordered = true;
  for (const n of [1, 2, 3]) emulator.say(chat, { text: `${n}` });
  gate.resolve();
  await until(() => events.length === 4);
  assert.deepEqual(
    events.map(({ text }) => text),
    ["0", "1", "2", "3"],
  );
});

test("the place in the row of updates is durable, is another bot's no more, and grows old", async (t) => {
  const { emulator, chat, events, parts, channel, open, host } = await given(t);
  emulator.say(chat, { text: "a" });
  await until(() => emulator.acknowledged > emulator.lastUpdate);
  await channel.stop();
  const place = JSON.parse(parts.memory.get("updates") ?? "");
  assert.equal(place.next, emulator.lastUpdate + 1);
  for (const stale of [{ bot: 1 }, { at: parts.clock.now() - 25 * 60 * 60_000 }]) {
    const seen = events.length;
    parts.memory.set("updates", JSON.stringify({ ...place, next: place.next + 1000, ...stale }));
    emulator.say(chat, { text: "b" });
    const again = open();
    await again.start(host);
    await until(() => events.length > seen);
    await again.stop();
  }
  assert.deepEqual(
    events.map(({ text }) => text),
    ["a", "b", "b"],
  );
});

test("a wrong token is told at the start, a revoked one by its health", async (t) => {
  const { emulator, channel, parts } = await given(t);
  const wrong = telegram.open({ ...parts, credentials: { ...parts.credentials, token: `1:${"w".repeat(35)}` } });
  await assert.rejects(
    wrong.start({ accept: async () => ({ status: "accepted" }), press: async () => "" }),
    (error) => error instanceof Misuse && /BotFather/.test(error.hint),
  );
  assert.throws(() => telegram.open({ ...parts, credentials: { token: "nonsense" } }), Misuse);
  emulator.revoked = true;
  emulator.say({ id: 77, type: "private" }, { text: "wakes the question" });
  await until(() => channel.health().state === "down");
  assert.match(channel.health().detail, /revoked.*BotFather/);
});

test("a second program with the same token is told by its health, until it ends", async (t) => {
  const { emulator, channel } = await given(t);
  const description = "Conflict: terminated by other getUpdates request";
  emulator.fault("getUpdates", { kind: "answer", code: 409, description });
  await until(() => channel.health().state === "down");
  assert.match(channel.health().detail, /another program/i);
  await until(() => channel.health().state === "up");
});

test("a press that the host could not take is answered, and does not hold up what comes after", async (t) => {
  const { emulator, chat, events, host } = await given(t);
  host.press = async () => {
    throw new Error("broken");
  };
  const press = emulator.press(chat, 1, "yes");
  emulator.say(chat, { text: "next" });
  await until(() => events.length === 1);
  assert.match(emulator.answered.get(press) ?? "", /again/);
});

test("a file larger than bots may fetch, or gone, is told so", async (t) => {
  const { emulator, fetch } = await given(t);
  const large = emulator.file(Buffer.alloc(20 * 1024 * 1024 + 1));
  await assert.rejects(fetch(large), (error) => error instanceof Rejected && /larger/.test(error.message));
  await assert.rejects(fetch("nothing"), Rejected);
});

test("its health names the bot, and what it can't see in groups", async (t) => {
  const { channel } = await given(t);
  assert.match(channel.health().detail, /connected as @nano_bot; in groups/);
});
