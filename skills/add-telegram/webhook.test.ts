/** What Telegram's calls must carry, and what becomes of those that don't; the rest is in the conformance suite. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { channel as telegram } from "./channel.ts";
import { emulated } from "./testing/platform.ts";

async function given(t: TestContext) {
  const world = await emulated("webhook");
  const { emulator, parts } = world;
  const events: ChannelEvent[] = [];
  const channel = world.open();
  const host = {
    accept: async (event: ChannelEvent) => {
      events.push(event);
      return { status: "accepted" as const };
    },
    press: async () => "",
  };
  t.after(async () => {
    await channel.stop();
    if (emulator.listening) await emulator.down();
  });
  const secret = () => parts.memory.get("webhook.secret") ?? "";
  const call = (headers: Record<string, string>, body = '{"update_id":1}', method = "POST") =>
    fetch(`http://127.0.0.1:${emulator.proxyTo}/any`, { method, headers, ...(method === "POST" ? { body } : {}) });
  const status = (...args: Parameters<typeof call>) => call(...args).then((response) => response.status);
  return { ...world, channel, events, host, secret, status };
}

const HEADER = "x-telegram-bot-api-secret-token";

test("only who knows the secret is heard", async (t) => {
  const { channel, events, host, secret, status } = await given(t);
  await channel.start(host);
  assert.equal(await status({}), 403);
  assert.equal(await status({ [HEADER]: "x".repeat(secret().length) }), 403);
  assert.equal(await status({ [HEADER]: secret() }, "", "GET"), 403);
  assert.equal(await status({ [HEADER]: secret() }, "not json"), 400);
  assert.equal(await status({ [HEADER]: secret() }, `"${"x".repeat(1_100_000)}"`).catch(() => 400), 400);
  assert.equal(await status({ [HEADER]: secret() }), 200);
  assert.ok(secret().length >= 40);
  assert.deepEqual(events, []);
});

test("an address without a port, one that is not https, and a port that is taken are told at once", async (t) => {
  const { parts, emulator, channel, host } = await given(t);
  const opening = (more: Record<string, string>) => () =>
    telegram.open({ ...parts, credentials: { ...parts.credentials, ...more } });
  assert.throws(opening({ webhookPort: "" }), Misuse);
  assert.throws(opening({ webhookUrl: "http://proxy.invalid" }), Misuse);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(emulator.proxyTo, "127.0.0.1", resolve));
  t.after(() => other.close());
  await assert.rejects(channel.start(host), (error) => error instanceof Misuse && /can listen/.test(error.message));
});

test("a proxy that passes nothing on is told by its health, until it does", async (t) => {
  const { channel, emulator, chat, host, events } = await given(t);
  await channel.start(host);
  const { proxyTo } = emulator;
  emulator.proxyTo = 1;
  emulator.say(chat, { text: "hi" });
  const until = async (holds: () => boolean) => {
    for (const end = Date.now() + 40_000; !holds(); await sleep(20)) assert.ok(Date.now() < end, `${holds}`);
  };
  await until(() => channel.health().state === "down");
  assert.match(channel.health().detail, /proxy\.invalid.*reverse proxy/);
  emulator.proxyTo = proxyTo;
  await until(() => channel.health().state === "up" && events.length === 1);
});
