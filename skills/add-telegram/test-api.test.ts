/** The channel against telegram-test-api, an emulator that others wrote: polling, text, edits, buttons. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import telegramTestApi from "telegram-test-api";
import type { ButtonPress, ChannelEvent, OutgoingMessage } from "../../src/channels/channel.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { channel as telegram } from "./channel.ts";
import { TOKEN } from "./testing/emulator.ts";
import { freePort, partsFor } from "./testing/platform.ts";

/** It is what the package exports, where its types promise a `default`. */
const TelegramServer = telegramTestApi as unknown as typeof telegramTestApi.default;

async function given(t: TestContext) {
  const server = new TelegramServer({ port: await freePort(), host: "127.0.0.1" });
  await server.start();
  const channel = telegram.open(partsFor({ token: TOKEN, apiRoot: server.config.apiURL }, systemClock));
  const events: ChannelEvent[] = [];
  const presses: ButtonPress[] = [];
  await channel.start({
    accept: async (event) => {
      events.push(event);
      return { status: "accepted" };
    },
    press: async (press) => {
      presses.push(press);
      return "noted";
    },
  });
  t.after(async () => {
    await channel.stop();
    await server.stop();
  });
  const person = server.getClient(TOKEN, { userId: 77, chatId: 77, firstName: "Ann", timeout: 5_000 });
  return { server, channel, events, presses, person };
}

const ADDRESS = { channel: "telegram", chat: "77", thread: null };
const saying = (text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  ...{ text, author: "agent", answers: [], files: [], buttons: [] },
  ...more,
});

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !holds(); await sleep(5)) {
    if (Date.now() > end) throw new Error(`it never came to pass: ${holds}`);
  }
}

test("what a person writes arrives, commands included", async (t) => {
  const { events, person } = await given(t);
  await person.sendMessage(person.makeMessage("hello"));
  await person.sendCommand(person.makeCommand("/stop"));
  await until(() => events.length === 2);
  assert.deepEqual(
    events.map(({ address, text, user, direct }) => ({ address, text, user, direct })),
    ["hello", "/stop"].map((text) => ({ address: ADDRESS, text, user: "telegram:77", direct: true })),
  );
});

test("what the agent says is seen by the person, and changes when it is edited", async (t) => {
  const { server, channel, person } = await given(t);
  const { platformId } = await channel.send(ADDRESS, saying("**hi** <there>"), "1");
  const { result } = await person.getUpdates();
  assert.deepEqual(
    result.map(({ messageId, message }) => [String(messageId), message.text]),
    [[platformId, "<b>hi</b> &lt;there&gt;"]],
  );
  await channel.edit?.(ADDRESS, platformId, saying("done"));
  const [shown] = server.getUpdatesHistory(TOKEN);
  assert.equal(shown && "message" in shown ? shown.message.text : "", "done");
});

test("buttons are one row under the message, and a press comes back with its value", async (t) => {
  const { server, channel, presses, person } = await given(t);
  const buttons = [
    { label: "Yes", value: "approve:1" },
    { label: "No", value: "deny:1" },
  ];
  await channel.send(ADDRESS, saying("sure?", { buttons }), "1");
  const [shown] = server.getUpdatesHistory(TOKEN);
  const markup = shown && "message" in shown && "reply_markup" in shown.message ? shown.message.reply_markup : null;
  assert.deepEqual(markup, {
    inline_keyboard: [buttons.map(({ label, value }) => ({ text: label, callback_data: value }))],
  });
  await person.sendCallback(person.makeCallbackQuery("approve:1", { message: { message_id: 1 } }));
  await until(() => presses.length === 1);
  assert.deepEqual(presses, [{ address: ADDRESS, user: "telegram:77", userName: "Ann", value: "approve:1" }]);
});
