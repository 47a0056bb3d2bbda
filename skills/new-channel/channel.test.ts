import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelEvent, ChannelHost, OutgoingMessage } from "../../src/channels/channel.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { channel } from "./channel.ts";
import { loopbackPlatform } from "./testing/platform.ts";

/** A host that takes everything. */
function taking(): ChannelHost & { events: ChannelEvent[] } {
  const events: ChannelEvent[] = [];
  return {
    events,
    async accept(event) {
      events.push(event);
      return { status: "accepted" };
    },
    press: async () => "",
  };
}

test("a wrong token is the owner's to mend, and what they are told has no token in it", async (t) => {
  const platform = await loopbackPlatform();
  t.after(() => platform.close());
  const one = channel.open({ ...platform.parts, credentials: { ...platform.parts.credentials, token: "wrong" } });
  t.after(() => one.stop());
  await assert.rejects(one.start(taking()), (error) => {
    assert.ok(error instanceof Misuse && error.hint !== "");
    return !`${error.message}${error.hint}`.includes("wrong");
  });
});

test("credentials that can't be right are refused before anything is opened", async (t) => {
  const platform = await loopbackPlatform();
  t.after(() => platform.close());
  for (const credentials of [{}, { port: "1" }, { port: "70000", token: "t" }, { port: "http", token: "t" }])
    assert.throws(
      () => channel.open({ ...platform.parts, credentials: credentials as Record<string, string> }),
      Misuse,
    );
});

test("what no platform should say is passed over, and the line stays up", async (t) => {
  const platform = await loopbackPlatform();
  const one = platform.open();
  t.after(async () => {
    await one.stop();
    await platform.close();
  });
  const host = taking();
  await one.start(host);
  for (const line of ["", "{", "null", "[]", '{"type":"message"}', '{"type":"sent","request":"7","id":"x"}', "\u0000"])
    platform.babble(line);
  platform.person.say("still there?");
  while (!platform.taken("still there?")) await sleep(5);
  assert.deepEqual(
    host.events.map(({ text }) => text),
    ["still there?"],
  );
  assert.equal(one.health().state, "up");
});

test("Markdown is shown without marks", async (t) => {
  const platform = await loopbackPlatform();
  const one = platform.open();
  t.after(async () => {
    await one.stop();
    await platform.close();
  });
  await one.start(taking());
  const message: OutgoingMessage = { text: "**Yes**", author: "agent", answers: [], files: [], buttons: [] };
  await one.send(platform.address, message, "key");
  assert.deepEqual(
    platform.shown().map(({ text }) => text),
    ["Yes"],
  );
});
