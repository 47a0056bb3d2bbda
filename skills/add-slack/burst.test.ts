/** Very many messages at once, and a restart in the middle of them: nothing lost, nothing twice, everything in its order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLog } from "../../src/lib/log.ts";
import { Socket } from "./socket.ts";
import { APP_TOKEN } from "./testing/emulator.ts";
import { roomOn, until } from "./testing/room.ts";

const untaken = ({ deliveries }: { deliveries: { taken: boolean }[] }) =>
  deliveries.filter(({ taken }) => !taken).length;

test("ten thousand messages at once are taken, each once and in its chat's order", async (t) => {
  const { emulator, told, start } = await roomOn(t);
  emulator.retry = 10 * 60_000;
  const chats = Array.from({ length: 10 }, (_, n) => emulator.workspace.add({ id: `C${n}CHAT` }));
  await start();
  for (let n = 0; n < 1_000; n++) for (const chat of chats) emulator.workspace.say(chat, `${n}`);
  await until(() => untaken(emulator) === 0);
  assert.equal(told.length, 10_000);
  for (const chat of chats) {
    const texts = told.filter(({ address }) => address.chat === chat.id).map(({ text }) => text);
    assert.deepEqual(
      texts,
      Array.from({ length: 1_000 }, (_, n) => `${n}`),
    );
  }
  assert.equal(emulator.greeted, 1);
});

test("while the host can't take them, only so many are let in; the rest waits in the connection", async (t) => {
  const { emulator, room, parts } = await roomOn(t);
  emulator.retry = 10 * 60_000;
  let waiting = 0;
  let taken = 0;
  const held = Promise.withResolvers<void>();
  const socket = new Socket(
    {
      ...{ clock: parts.clock, log: silentLog, waiting: () => waiting },
      async take() {
        waiting += 1;
        await held.promise;
        waiting -= 1;
        taken += 1;
      },
    },
    APP_TOKEN,
    parts.credentials.apiRoot,
  );
  const stop = new AbortController();
  await socket.connect(null, stop.signal);
  for (let n = 0; n < 10_000; n++) emulator.workspace.say(room, `${n} ${"x".repeat(500)}`);
  await until(() => waiting >= 2_000);
  // What lies in one read of the connection is let in still.
  await sleep(300);
  assert.ok(waiting < 3_000, `${waiting} were let in`);
  held.resolve();
  await until(() => taken === 10_000 && untaken(emulator) === 0);
  stop.abort();
  await socket.close();
});

for (const way of ["socket", "webhook"] as const) {
  test(`by ${way}, restarts and cut connections in the middle of a burst lose nothing and repeat nothing`, async (t) => {
    const { emulator, direct, room, kept, told, rules, start } = await roomOn(t, way);
    rules.pause = () => sleep(2);
    let channel = await start();
    for (let n = 0; n < 300; n++) emulator.workspace.say(n % 2 ? direct : room, `${n}`);
    for (const enough of [20, 100, 180]) {
      await until(() => kept.size >= enough);
      emulator.drop();
      await channel.stop();
      channel = await start();
    }
    await until(() => kept.size === 300 && untaken(emulator) === 0);
    for (const [chat, odd] of [
      [direct, 1],
      [room, 0],
    ] as const) {
      const texts = [...kept.values()]
        .filter(({ address }) => address.chat === chat.id)
        .map(({ text }) => Number(text));
      // Calls have no order among each other.
      if (way === "webhook") texts.sort((a, b) => a - b);
      assert.deepEqual(
        texts,
        Array.from({ length: 150 }, (_, n) => n * 2 + odd),
      );
    }
    // What Slack told again is the same event to the host, by its id.
    const ids = told.map(({ address, platformId, revision }) => `${address.chat}/${platformId}/${revision}`);
    assert.equal(new Set(ids).size, 300);
  });
}
