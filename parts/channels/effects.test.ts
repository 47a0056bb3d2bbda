import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { z } from "zod";
import { SealedVault } from "../../drivers/vault/vault.ts";
import type { Channel } from "../../src/channels/channel.ts";
import type { ChannelRegistry } from "../../src/channels/registry.ts";
import type { EffectContext } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { countingRandom, world } from "../../test/support/world.ts";
import { addedChannels, channelCredentials, channelEffects } from "./effects.ts";

function given(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "channels-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const w = world();
  const { store, clock } = w;
  const vault = new SealedVault(store.db, join(dir, "vault.key"));
  const calls: string[] = [];
  const registry = {
    add: async (id: string) => ({ state: calls.push(`add ${id}`) > 0 ? "up" : "down", detail: "" }),
    remove: async (id: string) => void calls.push(`remove ${id}`),
    get: (id: string) => (id === "chat" ? ({} as Channel) : undefined),
    health: () => [],
  } as unknown as ChannelRegistry;
  const credentials = z.object({ token: z.string().min(3).describe("Token"), extra: z.string().optional() });
  const load = async (id: string) => ({ id, title: "Chat", credentials, open: () => assert.fail() });
  const context = {
    actor: { kind: "operator" },
    record: (_resource: string, change: () => unknown) => store.db.transaction(change),
  } as unknown as EffectContext;
  const effects = channelEffects({
    ...{ store, clock, random: countingRandom(), vault, load, pairings: w.pairings },
    registry: () => registry,
  });
  const add = (given: object) =>
    effects["channels.add"]({ channel: "chat", credentials: JSON.stringify(given) }, context);
  return { ...w, vault, effects, context, calls, add };
}

test("a channel is kept with its credentials before it is started; what is left out stays as it was", async (t) => {
  const { add, calls, store, vault, effects, context } = given(t);
  await add({ token: "a word" });
  await add({ extra: "more" });
  assert.deepEqual(calls, ["add chat", "add chat"]);
  assert.deepEqual(addedChannels(store), ["chat"]);
  assert.deepEqual(channelCredentials(vault, "chat"), { token: "a word", extra: "more" });
  const { fields } = await effects["channels.describe"]({ channel: "chat" }, context);
  assert.deepEqual(
    fields.map(({ name, required, isSet }) => [name, required, isSet]),
    [
      ["token", true, true],
      ["extra", false, true],
    ],
  );
  assert.equal(JSON.stringify(fields).includes("a word"), false);
});

test("credentials that are missing or no texts keep and start nothing, and are not shown", async (t) => {
  const { add, calls, store, vault } = given(t);
  for (const wrong of [{}, { token: "x" }, { token: 7 }, ["a secret"]]) {
    await assert.rejects(
      async () => add(wrong),
      (error: unknown) => error instanceof Misuse && !error.message.includes("a secret"),
    );
  }
  assert.deepEqual([calls, addedChannels(store), channelCredentials(vault, "chat")], [[], [], null]);
});

test("a channel that is removed is forgotten with what it kept; one that was not added is nothing to remove", async (t) => {
  const { add, store, vault, effects, context, calls } = given(t);
  await assert.rejects(async () => effects["channels.remove"]({ channel: "chat" }, context), Misuse);
  await add({ token: "a word" });
  store.memory.of("chat").set("cursor", "7");
  await effects["channels.remove"]({ channel: "chat" }, context);
  assert.deepEqual([addedChannels(store), channelCredentials(vault, "chat")], [[], null]);
  assert.equal(store.memory.of("chat").get("cursor"), null);
  assert.equal(calls.at(-1), "remove chat");
});

test("a code for pairing is made for a channel and an agent that are there, and is good for ten minutes", async (t) => {
  const { effects, context, pairings, clock } = given(t);
  const { code, group, expiresAt } = await effects["channels.pair"]({ channel: "chat" }, context);
  assert.deepEqual([code.length, group, expiresAt - clock.now()], [8, "main", 600_000]);
  assert.equal(pairings.take(code, "chat", clock.now())?.channel, "chat");
  for (const args of [{ channel: "none" }, { channel: "chat", group: "none" }])
    await assert.rejects(async () => effects["channels.pair"](args, context), Misuse);
});
