import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { countingRandom, world } from "../../test/support/world.ts";
import { Misuse } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import type { Channel, ChannelHost, ChannelPackage, ChannelParts } from "./channel.ts";
import { ChannelRegistry } from "./registry.ts";

const host: ChannelHost = { accept: () => assert.fail(), press: () => assert.fail() };
const soon = async () => {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A platform whose channel starts as `start` says. */
function given(start: (opened: number) => Promise<void> | void = () => {}, stop: () => void = () => {}) {
  const w = world();
  const opened: ChannelParts[] = [];
  const running = new Set<number>();
  let ups = 0;
  let secrets: Record<string, string> | null = { token: "a word" };
  const channel = (id: string, number: number): Channel => ({
    id,
    capabilities: {} as Channel["capabilities"],
    start: async () => {
      await start(number);
      running.add(number);
    },
    stop: async () => {
      running.delete(number);
      stop();
    },
    health: () => ({ state: "up", detail: `number ${number}` }),
    send: () => assert.fail(),
  });
  const known: ChannelPackage = {
    ...{ id: "chat", title: "Chat", credentials: z.object({ token: z.string(), extra: z.string().optional() }) },
    open: (parts) => channel("chat", opened.push(parts)),
  };
  const registry = new ChannelRegistry({
    ...{ builtIn: [channel("terminal", 0)], clock: w.clock, random: countingRandom(), log: silentLog },
    memory: w.store.memory,
    load: async (id) => {
      if (id !== "chat") throw new Misuse(`there is no channel "${id}"`, "look");
      return known;
    },
    credentials: () => secrets,
    onUp: () => {
      ups += 1;
    },
  });
  const healthOf = (id: string) => registry.health().find((one) => one.id === id);
  const forget = () => {
    secrets = null;
  };
  return { ...w, registry, opened, running, ups: () => ups, healthOf, forget };
}

test("a channel that was added comes up in its own time, with its credentials and a memory of its own", async () => {
  const { registry, opened, ups, healthOf, store } = given();
  await registry.start(host, ["chat"]);
  assert.equal(registry.get("terminal")?.id, "terminal");
  await soon();
  assert.equal(registry.get("chat")?.id, "chat");
  assert.deepEqual(opened[0]?.credentials, { token: "a word" });
  assert.equal(ups(), 1);
  assert.equal(healthOf("chat")?.state, "up");
  opened[0]?.memory.set("cursor", "7");
  assert.deepEqual([store.memory.of("chat").get("cursor"), store.memory.of("other").get("cursor")], ["7", null]);
  opened[0]?.memory.set("cursor", null);
  assert.equal(store.memory.of("chat").get("cursor"), null);
});

test("one that does not come up is tried again, later each time, and the others go on", async () => {
  const { registry, clock, healthOf, opened, ups } = given((number) => {
    if (number > 0 && number < 4) throw new Error("no network");
  });
  await registry.start(host, ["chat"]);
  await soon();
  assert.deepEqual([healthOf("chat")?.state, healthOf("chat")?.detail], ["down", "no network"]);
  assert.equal(healthOf("terminal")?.state, "up");
  assert.equal(registry.get("chat"), undefined);
  for (const [ms, tries] of [
    [4_999, 1],
    [1, 2],
    [9_999, 2],
    [1, 3],
    [20_000, 4],
    [600_000, 4],
  ] as const) {
    clock.advance(ms);
    await soon();
    assert.equal(opened.length, tries, `after ${ms}`);
  }
  assert.equal(ups(), 1);
});

test("what a person has to mend is not tried again: it says what to do, and is started when it is added anew", async () => {
  let wrong = true;
  const { registry, clock, healthOf, opened } = given((number) => {
    if (number > 0 && wrong) throw new Misuse("the token is refused", "Make a new one");
  });
  await registry.start(host, ["chat", "nothing"]);
  await soon();
  clock.advance(3_600_000);
  await soon();
  assert.equal(opened.length, 1);
  assert.equal(healthOf("chat")?.detail, "the token is refused. Make a new one");
  assert.match(healthOf("nothing")?.detail ?? "", /there is no channel "nothing". look/);
  wrong = false;
  assert.equal((await registry.add("chat")).state, "up");
});

test("without its credentials it is down and says how they are set", async () => {
  const { registry, forget, opened } = given();
  await registry.start(host, []);
  forget();
  const { state, detail } = await registry.add("chat");
  assert.equal(state, "down");
  assert.match(detail, /credentials are missing.*ncl skills add chat/);
  assert.equal(opened.length, 0);
});

test("added twice, or removed while it starts, one runs at most and none that nobody knows", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { registry, running, ups } = given((number) => (number === 0 ? undefined : gate));
  await registry.start(host, []);
  const [first, second] = [registry.add("chat"), registry.add("chat")];
  await soon();
  release();
  await Promise.all([first, second]);
  assert.equal(running.size - 1, 1);
  assert.equal(ups(), 1);
  const third = registry.add("chat");
  await registry.remove("chat");
  await third;
  await soon();
  assert.deepEqual([...running], [0]);
  assert.equal(registry.get("chat"), undefined);
});

test("one that fails to stop keeps neither the others nor the host from stopping", async () => {
  const { registry, running, clock, opened } = given(
    () => {},
    () => {
      if (running.size === 1) throw new Error("it hangs");
    },
  );
  await registry.start(host, ["chat"]);
  await soon();
  await registry.stop();
  assert.deepEqual([...running], []);
  clock.advance(3_600_000);
  await soon();
  assert.equal(opened.length, 1);
});

test("nothing is started once the host stops, also what was to be tried again", async () => {
  const { registry, clock, opened } = given((number) => {
    if (number > 0) throw new Error("no network");
  });
  await registry.start(host, ["chat"]);
  await soon();
  await registry.stop();
  clock.advance(3_600_000);
  await soon();
  assert.equal(opened.length, 1);
});
