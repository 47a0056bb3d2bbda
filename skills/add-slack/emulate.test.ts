/**
 * The channel against `emulate`, a Slack that others wrote. It has no socket mode and sends no events by itself, so what
 * people do there is told by calls that are signed here.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WebClient } from "@slack/web-api";
import { createEmulator } from "emulate";
import type { ButtonPress, Channel, ChannelEvent } from "../../src/channels/channel.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Rejected } from "../../src/lib/errors.ts";
import { channel as slack } from "./channel.ts";
import { SCOPES } from "./scopes.ts";
import { BOT_TOKEN, Emulator, SIGNING_SECRET } from "./testing/emulator.ts";
import { freePort, partsFor } from "./testing/platform.ts";
import { saying, until, whole } from "./testing/room.ts";

const BOT = "U0NANO";
/** Put together here, so that no file holds what looks like a token. */
const ANN_TOKEN = ["xoxp", "1".repeat(12), "a".repeat(24)].join("-");
const ANNS = [
  "chat:write",
  "channels:history",
  "channels:read",
  "channels:manage",
  "im:history",
  "im:write",
  "files:read",
  "files:write",
];

async function given(t: TestContext, scopes = SCOPES) {
  const port = await freePort();
  const world = await createEmulator({
    ...{ service: "slack", port, hostname: "127.0.0.1", baseUrl: `http://127.0.0.1:${port}` },
    seed: {
      slack: {
        users: [{ name: "ann", real_name: "Ann Example" }],
        channels: [{ name: "kitchen" }],
        oauth_apps: [
          { client_id: "1.1", client_secret: "x", name: "Nano", redirect_uris: [], bot_id: "B0NANO", bot_user_id: BOT },
        ],
        tokens: [
          { token: BOT_TOKEN, type: "bot", user_id: BOT, bot_id: "B0NANO", scopes },
          { token: ANN_TOKEN, type: "user", user: "ann", scopes: ANNS },
        ],
        strict_scopes: true,
      },
    },
  });
  const root = `${world.url}/api/`;
  const ann = new WebClient(ANN_TOKEN, { slackApiUrl: root, retryConfig: { retries: 0 } });
  const { user_id: annId = "", team_id: team = "" } = await ann.auth.test();
  const { channels = [] } = await ann.conversations.list({});
  const kitchen = channels.find(({ name }) => name === "kitchen")?.id ?? "";
  const direct = (await ann.conversations.open({ users: BOT })).channel?.id ?? "";

  // Only how calls are signed is taken from our own emulator.
  const caller = new Emulator();
  caller.proxyTo = await freePort();
  const hook = { appToken: "none", signingSecret: SIGNING_SECRET, webhookPort: String(caller.proxyTo) };
  const parts = partsFor({ botToken: BOT_TOKEN, apiRoot: root, ...hook }, systemClock);
  const events: ChannelEvent[] = [];
  const presses: ButtonPress[] = [];
  const channels2: Channel[] = [];
  const start = async () => {
    const channel = slack.open(parts);
    channels2.push(channel);
    await channel.start({
      accept: async (event) => {
        const known = events.some(
          ({ platformId, revision }) => platformId === event.platformId && revision === event.revision,
        );
        if (known) return { status: "duplicate" };
        events.push(event);
        return { status: "accepted" };
      },
      press: async (press) => {
        presses.push(press);
        return "noted";
      },
    });
    return channel;
  };
  const folder = mkdtempSync(join(tmpdir(), "nc-emulate-"));
  t.after(async () => {
    await Promise.all(channels2.map((channel) => channel.stop()));
    await world.close();
    rmSync(folder, { recursive: true });
  });
  return {
    ...{ ann, annId, team, kitchen, direct, events, presses, start },
    at: (chat: string, thread: string | null = null) => ({ channel: "slack", chat, thread }),
    file(name: string, content: string) {
      writeFileSync(join(folder, name), content);
      return { path: join(folder, name), name };
    },
    /** Ann says something, and the app is called about it unless it is not to be. */
    async say(chat: string, text: string, more: { thread_ts?: string; silent?: boolean } = {}): Promise<string> {
      const { silent = false, ...place } = more;
      const { ts = "", message } = await ann.chat.postMessage({ channel: chat, text, ...place });
      const event = { ...message, channel: chat, event_ts: ts };
      if (!silent) assert.equal(await caller.call("events_api", { type: "event_callback", team_id: team, event }), 200);
      return ts;
    },
    press: (chat: string, ts: string, value: string) =>
      caller.call("interactive", {
        ...{ type: "block_actions", user: { id: annId, team_id: team }, channel: { id: chat }, message: { ts } },
        actions: [{ type: "button", value }],
      }),
    shown: async (chat: string) =>
      ((await ann.conversations.history({ channel: chat })).messages ?? []).filter(({ user }) => user === BOT),
  };
}

test("what a person writes arrives, in chats and threads, with their name", async (t) => {
  const { say, start, direct, kitchen, at, events, team, annId } = await given(t);
  const channel = await start();
  assert.match(channel.health().detail, /connected as @/);
  await say(direct, "hello");
  const call = await say(kitchen, `<@${BOT}> what's for dinner?`);
  await say(kitchen, "and for lunch?", { thread_ts: call });
  assert.deepEqual(
    events.map(({ address, text, user, userName, direct: alone, mentioned }) => [
      address,
      text,
      user,
      userName,
      alone,
      mentioned,
    ]),
    [
      [at(direct), "hello", `slack:${team}:${annId}`, "ann", true, true],
      [at(kitchen, call), "@nano what's for dinner?", `slack:${team}:${annId}`, "ann", false, true],
      [at(kitchen, call), "and for lunch?", `slack:${team}:${annId}`, "ann", false, false],
    ],
  );
});

test("what the agent says is seen, without previews, and changes when it is edited", async (t) => {
  const { start, shown, direct, at, press, presses } = await given(t);
  const channel = await start();
  const { edit } = whole(channel);
  const buttons = [{ label: "Yes", value: "yes" }];
  const { platformId } = await channel.send(at(direct), saying("**sure?** <!channel>", { buttons }), "1");
  const [question] = await shown(direct);
  assert.equal(question?.ts, platformId);
  assert.equal(question?.text, "*sure?* &lt;!channel&gt;");
  const { unfurl_links, unfurl_media } = question as { unfurl_links?: boolean; unfurl_media?: boolean };
  assert.deepEqual([unfurl_links, unfurl_media], [false, false]);
  assert.deepEqual(
    question?.blocks?.map(({ type }) => type),
    ["section", "actions"],
  );
  assert.equal(await press(direct, platformId, "yes"), 200);
  assert.deepEqual(
    presses.map(({ value, address }) => [value, address]),
    [["yes", at(direct)]],
  );
  await edit(at(direct), platformId, saying("done"));
  const [changed] = await shown(direct);
  assert.deepEqual([changed?.text, changed?.blocks ?? []], ["done", []]);
});

test("a message is found by its mark, and what was never sent is not", async (t) => {
  const { start, kitchen, say, at } = await given(t);
  const channel = await start();
  const { reconcile } = whole(channel);
  const thread = await say(kitchen, `<@${BOT}> hi`);
  for (const address of [at(kitchen), at(kitchen, thread)]) {
    const receipt = await channel.send(address, saying("hi"), `key ${address.thread}`);
    assert.deepEqual(await reconcile(address, `key ${address.thread}`), receipt);
    assert.equal(await reconcile(address, "another"), null);
  }
});

test("files go and come whole, and reactions are set and taken away", async (t) => {
  const { start, shown, say, ann, direct, at, file } = await given(t);
  const channel = await start();
  const { react, fetch } = whole(channel);
  const { platformId } = await channel.send(at(direct), saying("here", { files: [file("a b.txt", "€ bytes")] }), "1");
  const [files, text] = await shown(direct);
  assert.deepEqual([text?.ts, text?.text, files?.files?.map(({ name }) => name)], [platformId, "here", ["a b.txt"]]);
  const got: Uint8Array[] = [];
  for await (const chunk of await fetch(files?.files?.[0]?.id ?? "")) got.push(chunk);
  assert.equal(Buffer.concat(got).toString(), "€ bytes");
  const { platformId: alone } = await channel.send(at(direct), saying("", { files: [file("c.txt", "c")] }), "2");
  assert.equal(alone, (await shown(direct))[0]?.ts);
  const ts = await say(direct, "thanks");
  const names = async () => {
    const { messages = [] } = await ann.conversations.history({ channel: direct });
    return (messages.find((message) => message.ts === ts)?.reactions ?? []).map(({ name }) => name);
  };
  await react(at(direct), ts, "👍");
  await react(at(direct), ts, "🎉");
  assert.deepEqual(await names(), ["tada"]);
  await react(at(direct), ts, "");
  assert.deepEqual(await names(), []);
});

test("what was said while it was away is read at its next start", async (t) => {
  const { start, say, direct, events } = await given(t);
  const channel = await start();
  await say(direct, "before");
  await channel.stop();
  await say(direct, "missed", { silent: true });
  await start();
  await until(() => events.length === 2);
  assert.deepEqual(
    events.map(({ text }) => text),
    ["before", "missed"],
  );
});

test("a scope that lacks and a channel that is archived are told with what to do", async (t) => {
  const { start, ann, direct, kitchen, at, file } = await given(
    t,
    SCOPES.filter((scope) => scope !== "files:write"),
  );
  const channel = await start();
  const rejected = (work: Promise<unknown>, why: RegExp) =>
    assert.rejects(work, (error) => error instanceof Rejected && why.test(error.message));
  await rejected(
    channel.send(at(direct), saying("", { files: [file("a.txt", "a")] }), "1"),
    /scope files:write.*install the app again/,
  );
  await ann.conversations.archive({ channel: kitchen });
  await rejected(channel.send(at(kitchen), saying("hi"), "2"), /archived.*unarchive/);
  await rejected(channel.send(at("C0NONE"), saying("hi"), "3"), /no such channel/);
});
