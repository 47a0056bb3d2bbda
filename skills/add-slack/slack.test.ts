/** What goes to Slack, and how it fails: what the conformance suite does not ask of every channel. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { STOP_BUTTON } from "../../src/channels/channel.ts";
import { Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";
import { APP_TOKEN, BOT_TOKEN } from "./testing/emulator.ts";
import { press } from "./testing/platform.ts";
import { roomOn, saying, until, whole } from "./testing/room.ts";
import { readable } from "./testing/workspace.ts";

async function given(t: TestContext) {
  const room = await roomOn(t);
  const channel = await room.start();
  const folder = mkdtempSync(join(tmpdir(), "nc-slack-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { workspace } = room.emulator;
  return {
    ...{ ...room, workspace, channel, ...whole(channel) },
    file(name: string, content = "bytes") {
      writeFileSync(join(folder, name), content);
      return { path: join(folder, name), name };
    },
    texts: () => workspace.shown().map(readable),
    fileNames: () => workspace.shown().flatMap(({ files }) => (files as { name: string }[]).map(({ name }) => name)),
  };
}

const rejects = (work: Promise<unknown>, kind: typeof Rejected | typeof Retryable | typeof Unknown, why: RegExp) =>
  assert.rejects(work, (error) => error instanceof kind && why.test(error.message));

test("an answer stays in its thread, asks for no preview, and turns no words into mentions", async (t) => {
  const { channel, workspace, room, at, edit } = await given(t);
  const thread = workspace.say(room, "a question").ts;
  const text = "see https://a.invalid <!channel> @here";
  const { platformId } = await channel.send(at(room, thread), saying(text), "1");
  await edit(at(room, thread), platformId, saying(`${text}!`));
  const [shown] = workspace.shown();
  assert.equal(shown?.thread_ts, thread);
  assert.equal(shown && readable(shown), `${text}!`);
  const [posted, changed] = shown?.asked ?? [];
  assert.deepEqual([posted?.unfurl_links, posted?.unfurl_media], ["false", "false"]);
  for (const asked of [posted, changed]) {
    assert.deepEqual([asked?.parse, asked?.link_names], ["none", "false"]);
    assert.ok(!/<[!@#]/.test(String(asked?.text)));
  }
});

test("whoever presses is shown the answer, alone, where they pressed", async (t) => {
  const { channel, emulator, workspace, room, at, presses } = await given(t);
  const thread = workspace.say(room, "a question").ts;
  await channel.send(at(room, thread), saying("sure?", { buttons: [{ label: "Yes", value: "yes" }] }), "1");
  const [question] = workspace.shown();
  assert.ok(question);
  assert.equal(await press(emulator, question, "yes", "U0BEN"), "noted <!channel> yes");
  assert.deepEqual(workspace.ephemeral, [
    { channel: room.id, user: "U0BEN", text: "noted <!channel> yes", thread_ts: thread },
  ]);
  assert.deepEqual(presses, [
    { address: at(room, thread), user: "slack:T0NANO:U0BEN", userName: "Ben Example", value: "yes" },
  ]);
});

test("a press that fails is told to whoever pressed", async (t) => {
  const { channel, emulator, workspace, host, at, open } = await given(t);
  await channel.stop();
  const again = open();
  await again.start({
    ...host,
    press: async () => {
      throw new Error("the disk is full");
    },
  });
  await again.send(at(), saying("sure?", { buttons: [{ label: "Yes", value: "yes" }] }), "1");
  const [question] = workspace.shown();
  assert.ok(question);
  assert.match(await press(emulator, question, "yes"), /had no effect.*again/);
});

test("text goes before its files, which are shown after it; the text has the receipt", async (t) => {
  const { channel, workspace, room, at, file, texts, fileNames } = await given(t);
  const thread = workspace.say(room, "files please").ts;
  const files = [file("a b.txt", "€ \r\n--x"), file("b.png")];
  const { platformId } = await channel.send(at(room, thread), saying("**here**", { files }), "1");
  assert.deepEqual(texts(), ["here", ""]);
  assert.equal(platformId, workspace.shown()[0]?.ts);
  assert.deepEqual(
    workspace.shown().map(({ thread_ts }) => thread_ts),
    [thread, thread],
  );
  assert.deepEqual(fileNames(), ["a b.txt", "b.png"]);
  const [first] = (workspace.shown()[1]?.files ?? []) as { id: string }[];
  assert.equal(workspace.bytesOf(first?.id ?? "")?.bytes.toString(), "€ \r\n--x");
});

test("files alone have the receipt of the message that shows them", async (t) => {
  const { channel, workspace, at, file } = await given(t);
  const { platformId } = await channel.send(at(), saying("", { files: [file("a.txt")] }), "1");
  assert.equal(platformId, workspace.shown()[0]?.ts);
});

test("files that fail are tried again without their text; what never will be is told", async (t) => {
  const { channel, emulator, at, file, texts, fileNames } = await given(t);
  const message = saying("words", { files: [file("a.txt")] });
  emulator.fault("files.completeUploadExternal", { kind: "status", status: 503 });
  await rejects(channel.send(at(), message, "1"), Retryable, /out of order/);
  await channel.send(at(), message, "1");
  assert.deepEqual([texts(), fileNames()], [["words", ""], ["a.txt"]]);
  emulator.fault("files.completeUploadExternal", { kind: "refuse", code: "file_uploads_disabled" });
  await rejects(
    channel.send(at(), message, "2"),
    Rejected,
    /text was sent, what came with it was not.*takes no such files/,
  );
  emulator.fault("files.getUploadURLExternal", {
    kind: "refuse",
    code: "missing_scope",
    more: { needed: "files:write" },
  });
  await rejects(channel.send(at(), message, "3"), Rejected, /scope files:write.*install the app again/);
});

test("what Slack would never take is rejected before it is asked", async (t) => {
  const { channel, emulator, at, file } = await given(t);
  const before = emulator.calls.length;
  const refused = (message: Parameters<typeof channel.send>[1], why: RegExp) =>
    rejects(channel.send(at(), message, "1"), Rejected, why);
  await refused(saying(" \n"), /nothing/);
  await refused(saying("", { files: [{ path: "/nowhere/a", name: "a" }] }), /"a" is not there/);
  await refused(saying("", { files: [file("empty", "")] }), /empty/);
  await refused(saying("", { files: Array.from({ length: 11 }, () => file("a")) }), /at most 10/);
  assert.equal(emulator.calls.length, before);
});

test("a message whose answer was lost is found by its mark, in chats and threads; one that never came is not", async (t) => {
  const { channel, emulator, workspace, room, at, reconcile, texts } = await given(t);
  const thread = workspace.say(room, "a question").ts;
  for (const [index, address] of [at(), at(room), at(room, thread)].entries()) {
    const key = `key-${index}`;
    assert.equal(await reconcile(address, key), null);
    emulator.fault("chat.postMessage", { kind: "lost" });
    await rejects(channel.send(address, saying(`words ${index}`), key), Unknown, /may have it/);
    const found = await reconcile(address, key);
    assert.equal(found?.platformId, workspace.shown().at(-1)?.ts);
    assert.equal(await reconcile(address, `${key}0`), null);
  }
  assert.equal(texts().length, 3);
});

test("it is looked for over pages, and where it can't be told that is said", async (t) => {
  const { channel, emulator, workspace, room, at, reconcile } = await given(t);
  emulator.fault("chat.postMessage", { kind: "lost" });
  await rejects(channel.send(at(room), saying("words"), "key"), Unknown, /may have it/);
  emulator.muted = true;
  for (let n = 0; n < 250; n++) workspace.say(room, `chatter ${n}`);
  assert.equal((await reconcile(at(room), "key"))?.platformId, workspace.shown()[0]?.ts);
  workspace.hidesMetadata = true;
  await rejects(reconcile(at(room), "key"), Unknown, /marks/);
  workspace.hidesMetadata = false;
  for (let n = 0; n < 800; n++) workspace.say(room, `more ${n}`);
  await rejects(reconcile(at(room), "key"), Unknown, /too much was said/);
});

test("after a loss of answers or of the process, files are neither shown twice nor forgotten", async (t) => {
  const { channel, emulator, workspace, at, file, reconcile, texts, fileNames } = await given(t);
  const message = saying("words", { files: [file("a.txt")] });
  // As the host does: look, and send what is not there.
  const untilSent = async (key: string) => {
    for (;;) {
      const found = await reconcile(at(), key);
      if (found) return found.platformId;
      const sent = await channel.send(at(), message, key).catch(() => null);
      if (sent) return sent.platformId;
    }
  };
  const count = { texts: 0, files: 0 };
  for (const lost of ["chat.postMessage", "files.completeUploadExternal", "both"]) {
    for (const method of lost === "both" ? ["chat.postMessage", "files.completeUploadExternal"] : [lost])
      emulator.fault(method, { kind: "lost" });
    await rejects(channel.send(at(), message, lost), Unknown, /may have it/);
    const platformId = await untilSent(lost);
    count.texts += 1;
    count.files += 1;
    assert.equal(texts().filter((text) => text === "words").length, count.texts, lost);
    assert.equal(fileNames().length, count.files, lost);
    assert.equal(workspace.shown().find(({ ts }) => ts === platformId)?.text, "words");
  }
  // Without words the files are all there is to look for.
  emulator.fault("files.completeUploadExternal", { kind: "lost" });
  await rejects(channel.send(at(), saying("", { files: [file("b.txt")] }), "bare"), Unknown, /may have it/);
  assert.equal((await reconcile(at(), "bare"))?.platformId, workspace.shown().at(-1)?.ts);
});

test("each of Slack's refusals is in plain words, with what to do", async (t) => {
  const { channel, emulator, workspace, at, edit } = await given(t);
  const meets = async (code: string, expected: typeof Rejected | typeof Unknown | typeof Retryable, why: RegExp) => {
    emulator.fault("chat.postMessage", { kind: "refuse", code });
    await rejects(channel.send(at(), saying("x"), "1"), expected, why);
  };
  await meets("not_in_channel", Rejected, /not in this channel; invite it/);
  await meets("restricted_action_read_only_channel", Rejected, /administrator/);
  await meets("messages_tab_disabled", Rejected, /Messages Tab/);
  await meets("msg_too_long", Rejected, /longer than Slack allows/);
  await meets("something_new", Rejected, /something_new/);
  await meets("internal_error", Unknown, /may have it/);
  await meets("fatal_error", Unknown, /may have it/);
  await meets("service_unavailable", Retryable, /out of order/);
  await meets("ratelimited", Retryable, /more slowly/);
  await meets("token_revoked", Retryable, /token/);
  await rejects(
    channel.send(at(workspace.add({ id: "C0OLD", archived: true })), saying("x"), "1"),
    Rejected,
    /unarchive/,
  );
  await rejects(channel.send(at({ id: "C0NONE" }), saying("x"), "1"), Rejected, /no such channel/);
  const said = workspace.say({ id: "D0ANN" }, "mine");
  await rejects(edit(at(), said.ts, saying("x")), Rejected, /not the bot's to change/);
  await rejects(edit(at(), "1.000001", saying("x")), Rejected, /gone/);
});

test("a gateway's page is not an answer of Slack's", async (t) => {
  const { channel, emulator, at } = await given(t);
  const meets = async (status: number, expected: typeof Retryable | typeof Unknown | typeof Rejected) => {
    emulator.fault("chat.postMessage", { kind: "status", status });
    await rejects(channel.send(at(), saying("x"), "1"), expected, /./);
  };
  await meets(502, Retryable);
  await meets(503, Retryable);
  await meets(504, Unknown);
  await meets(200, Unknown);
  await meets(403, Rejected);
});

test("no error tells a token", async (t) => {
  const { channel, emulator, at, fetch, reconcile } = await given(t);
  await emulator.down();
  const failing = [() => channel.send(at(), saying("x"), "1"), () => fetch("F0FILE"), () => reconcile(at(), "1")];
  for (const fails of failing) {
    await assert.rejects(fails, (error: Error) => {
      const words = `${error.stack} ${JSON.stringify(error)}`;
      return !words.includes(BOT_TOKEN) && !words.includes(APP_TOKEN);
    });
  }
});

test("a chat with too much to say gets it back, with how long to wait; other chats don't notice", async (t) => {
  const { channel, emulator, at, room, texts } = await given(t);
  for (let n = 0; n < 4; n++) await channel.send(at(), saying(`${n}`), `${n}`);
  emulator.fault("chat.postMessage", { kind: "status", status: 429, headers: { "retry-after": "30" } });
  await assert.rejects(
    channel.send(at(), saying("4"), "4"),
    (error) => error instanceof Retryable && error.after === 30_000,
  );
  await assert.rejects(
    channel.send(at(), saying("4"), "4"),
    (error) => error instanceof Retryable && (error.after ?? 0) > 10_000,
  );
  await channel.send(at(room), saying("elsewhere"), "5");
  assert.deepEqual(texts(), ["0", "1", "2", "3", "elsewhere"]);
});

test("of changes that wait only the last is made, and drafts give way", async (t) => {
  const { channel, at, edit, texts, emulator } = await given(t);
  const draft = saying("w", { buttons: [STOP_BUTTON] });
  const { platformId } = await channel.send(at(), draft, "1");
  const changes = ["wo", "wor", "word"].map((text) => edit(at(), platformId, { ...draft, text }));
  const outcomes = await Promise.allSettled([...changes, edit(at(), platformId, saying("words"))]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "rejected", "rejected", "fulfilled"],
  );
  assert.deepEqual(texts(), ["words"]);
  emulator.fault("chat.update", { kind: "status", status: 429, headers: { "retry-after": "8" } });
  await assert.rejects(edit(at(), platformId, draft), (error) => error instanceof Retryable && error.after === 8_000);
  const before = emulator.calls.length;
  await rejects(edit(at(), platformId, draft), Retryable, /as much as it allows/);
  assert.equal(emulator.calls.length, before, "a draft neither waits nor asks");
  await edit(at(), platformId, saying("the end"));
  assert.deepEqual(texts(), ["the end"]);
});

test("a text that can't be put in a draft's place is rejected, so that it is said anew", async (t) => {
  const { channel, at, edit } = await given(t);
  const { platformId } = await channel.send(at(), saying("draft"), "1");
  await rejects(edit(at(), platformId, saying("&".repeat(2_900))), Rejected, /longer than Slack allows/);
  await channel.send(at(), saying("&".repeat(2_900)), "2");
});

test("one reaction at a time, whatever it was before; other people's stay", async (t) => {
  const { workspace, direct, at, react } = await given(t);
  const message = workspace.say(direct, "thanks");
  message.reactions.set("tada", new Set(["U0ANN"]));
  const own = () => [...message.reactions].filter(([, users]) => users.has("U0BOT")).map(([name]) => name);
  await react(at(), message.ts, "👍🏽");
  assert.deepEqual(own(), ["+1"]);
  await react(at(), message.ts, "🎉");
  await react(at(), message.ts, "🎉");
  assert.deepEqual(own(), ["tada"]);
  await react(at(), message.ts, "");
  assert.deepEqual([own(), message.reactions.get("tada")?.size], [[], 1]);
  await rejects(react(at(), message.ts, "🦑"), Rejected, /by name/);
  await rejects(react(at(), message.ts, ":no_such_emoji:"), Rejected, /no such reaction; try one of 👍/);
  await rejects(react(at(), "1.000001", "👍"), Rejected, /gone/);
});

test("a file is fetched from Slack's own place alone, and what stands there instead is told", async (t) => {
  const { emulator, workspace, fetch } = await given(t);
  const { id } = workspace.file("a.txt", Buffer.from("bytes"), "text/plain");
  const got: Uint8Array[] = [];
  for await (const chunk of await fetch(id)) got.push(chunk);
  assert.equal(Buffer.concat(got).toString(), "bytes");
  const before = emulator.calls.length;
  for (const elsewhere of [
    "https://files.invalid/a",
    "http://127.0.0.1:1/a",
    `http://u:p@${new URL(emulator.root).host}/a`,
    "file:///etc/passwd",
    "",
  ]) {
    workspace.describe(id, { url_private_download: elsewhere, url_private: elsewhere });
    await rejects(fetch(id), Rejected, /does not lie with Slack/);
  }
  assert.ok(emulator.calls.slice(before).every((call) => call === "files.info"));
  const other = workspace.file("b.txt", Buffer.from("x"));
  workspace.describe(other.id, { size: 60_000_000 });
  await rejects(fetch(other.id), Rejected, /50 MB/);
  emulator.scopes = emulator.scopes.filter((scope) => scope !== "files:read");
  const third = workspace.file("c.txt", Buffer.from("x"));
  await rejects(fetch(third.id), Rejected, /files:read/);
  await rejects(fetch("F0NONE"), Rejected, /not there any more/);
});

test("names are asked for once, and a person without one is still heard", async (t) => {
  const { emulator, workspace, room, told } = await given(t);
  emulator.fault("users.info", { kind: "status", status: 500 });
  workspace.say(room, "who am I?", { user: "U0BEN" });
  for (let n = 0; n < 5; n++) workspace.say(room, `<@U0BEN> and <@U0ANN> ${n}`);
  await until(() => told.length === 6);
  assert.equal(told[0]?.userName, "U0BEN");
  assert.equal(told[5]?.text, "@U0BEN and @Ann Example 4");
  assert.equal(emulator.calls.filter((call) => call === "users.info").length, 2);
});
