/** Socket mode with everything that can happen to a socket; the rest is in the conformance suite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Misuse, Retryable } from "../../src/lib/errors.ts";
import { roomOn, saying, until } from "./testing/room.ts";
import { BOT } from "./testing/workspace.ts";

const allTaken = ({ deliveries }: { deliveries: { taken: boolean }[] }) => deliveries.every(({ taken }) => taken);

test("an envelope that comes twice, and a mention that is told as two events, are one message", async (t) => {
  const { emulator, room, told, start } = await roomOn(t);
  await start();
  emulator.twice = true;
  emulator.workspace.say(room, `<@${BOT.id}> hello`);
  await until(() => allTaken(emulator));
  assert.deepEqual(
    told.map(({ text, mentioned, userName }) => [text, mentioned, userName]),
    [[`@${BOT.name} hello`, true, "Ann Example"]],
  );
});

for (const reason of ["warning", "refresh_requested"]) {
  test(`told "${reason}", it has a new connection before the old one ends, and nothing is lost or told twice`, async (t) => {
    const { emulator, direct, told, texts, rules, start } = await roomOn(t);
    const channel = await start();
    const states = new Set<string>();
    const { judge } = rules;
    rules.judge = (event) => {
      states.add(channel.health().state);
      return judge(event);
    };
    emulator.disconnect(reason);
    for (let n = 0; n < 20; n++) {
      emulator.workspace.say(direct, `${n}`);
      await sleep(20);
    }
    await until(() => allTaken(emulator) && emulator.greeted === 2);
    assert.deepEqual(
      texts(),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    );
    assert.equal(told.length, 20);
    assert.deepEqual([...states], ["up"]);
    assert.equal(emulator.strays, 0);
    await until(() => emulator.lines === 1);
  });
}

test("what is with the host when the connection is replaced is acknowledged where it came", async (t) => {
  const { emulator, direct, host, told, open } = await roomOn(t);
  const channel = open();
  const held = Promise.withResolvers<void>();
  await channel.start({
    ...host,
    accept: async (event) => {
      const acceptance = await host.accept(event);
      await held.promise;
      return acceptance;
    },
  });
  emulator.workspace.say(direct, "slow");
  await until(() => told.length === 1);
  emulator.disconnect("refresh_requested");
  await until(() => emulator.greeted === 2);
  held.resolve();
  await until(() => allTaken(emulator));
  assert.deepEqual([told.length, emulator.strays], [1, 0]);
});

test("a connection that is cut is replaced at once, and what came meanwhile is taken", async (t) => {
  const { emulator, direct, start, texts } = await roomOn(t);
  const channel = await start();
  for (let n = 0; n < 5; n++) {
    emulator.drop();
    emulator.workspace.say(direct, `${n}`);
    await until(() => texts().length === n + 1 && allTaken(emulator));
  }
  assert.equal(channel.health().state, "up");
  assert.deepEqual(texts(), ["0", "1", "2", "3", "4"]);
});

test("a connection that is dead at its other end is noticed, and replaced", async (t) => {
  const { emulator, direct, start, texts } = await roomOn(t);
  await start();
  emulator.freeze();
  emulator.workspace.say(direct, "hello?");
  await until(() => emulator.greeted === 2 && texts().length === 1 && allTaken(emulator));
  assert.deepEqual(texts(), ["hello?"]);
});

test("a socket that never greets, or is refused, is tried again", async (t) => {
  const { emulator, start } = await roomOn(t);
  emulator.fault("apps.connections.open", { kind: "silent" });
  emulator.fault("apps.connections.open", { kind: "status", status: 429, headers: { "retry-after": "1" } });
  emulator.fault("apps.connections.open", { kind: "status", status: 500 });
  emulator.mute(2);
  const channel = await start();
  assert.equal(channel.health().state, "down");
  await until(() => channel.health().state === "up");
  assert.equal(emulator.greeted, 1);
});

test("rubbish on the socket harms nothing, and what has no use is acknowledged", async (t) => {
  const { emulator, direct, start, texts, told } = await roomOn(t);
  await start();
  emulator.raw(
    "not json",
    "[]",
    "null",
    '{"type":7}',
    '{"type":"events_api"}',
    '{"type":"hello"}',
    Buffer.from([0, 255]),
  );
  emulator.raw(
    '{"type":"events_api","envelope_id":"x1"}',
    '{"type":"events_api","envelope_id":"x2","payload":{"event":{}}}',
  );
  for (const type of ["slash_commands", "interactive", "from the future"])
    emulator.raw(JSON.stringify({ type, envelope_id: type, payload: { type: "block_actions" } }));
  emulator.event({ type: "message", channel: "D0ANN", user: "U0ANN", text: "x".repeat(200_000), ts: "1.1" });
  emulator.workspace.say(direct, "still there?");
  await until(() => texts().length === 1 && allTaken(emulator));
  assert.deepEqual(
    told.map(({ text }) => text),
    ["still there?"],
  );
  assert.deepEqual(emulator.unasked.toSorted(), ["from the future", "interactive", "slash_commands", "x1", "x2"]);
  assert.equal(emulator.greeted, 1);
});

test("tokens that Slack does not take are told at once, each by its name", async (t) => {
  const { emulator, start } = await roomOn(t);
  const refused = (why: RegExp, hint: RegExp) =>
    assert.rejects(start(), (error) => error instanceof Misuse && why.test(error.message) && hint.test(error.hint));
  emulator.botToken = "another";
  await refused(/does not take the bot token \(invalid_auth\)/, /OAuth & Permissions/);
  emulator.fault("auth.test", { kind: "refuse", code: "token_revoked" });
  await refused(/does not take the bot token \(token_revoked\)/, /add the channel again/);
  emulator.botToken = emulator.appToken;
  await refused(/bot token/, /Bot User OAuth Token/);
});

test("what is wrong with the app-level token or Socket Mode is told at once", async (t) => {
  const { emulator, start } = await roomOn(t);
  const refused = (code: string, why: RegExp, hint: RegExp) => {
    emulator.fault("apps.connections.open", { kind: "refuse", code });
    return assert.rejects(
      start(),
      (error) => error instanceof Misuse && why.test(error.message) && hint.test(error.hint),
    );
  };
  await refused("invalid_auth", /app-level token/, /App-Level Tokens/);
  await refused("not_allowed_token_type", /app-level token/, /connections:write/);
  await refused("missing_scope", /connections:write/, /generate one/);
  await refused("socket_mode_not_enabled", /opens no socket/, /Socket Mode, turn it on/);
});

test("scopes that lack are named: without the vital ones it does not start", async (t) => {
  const { emulator, start } = await roomOn(t);
  emulator.scopes = emulator.scopes.filter((scope) => scope !== "chat:write");
  await assert.rejects(start(), (error) => error instanceof Misuse && /scopes chat:write/.test(error.message));
  emulator.scopes = ["chat:write", ...emulator.scopes.filter((scope) => scope !== "files:read")];
  const channel = await start();
  assert.deepEqual([channel.health().state, /files:read/.test(channel.health().detail)], ["up", true]);
});

test("a token that is revoked, and Socket Mode that is turned off, are told in words; mended, it goes on", async (t) => {
  const { emulator, direct, at, start, texts } = await roomOn(t);
  const channel = await start();
  const { botToken } = emulator;
  emulator.botToken = "revoked";
  await assert.rejects(
    channel.send(at(), saying("x"), "1"),
    (error) => error instanceof Retryable && /token/.test(error.message),
  );
  emulator.drop();
  await until(() => channel.health().state === "down");
  assert.match(channel.health().detail, /bot token \(invalid_auth\).*add the channel again/);
  emulator.botToken = botToken;
  await until(() => channel.health().state === "up");
  emulator.disconnect("link_disabled");
  await until(() => channel.health().state === "down");
  assert.match(channel.health().detail, /Socket Mode was turned off/);
  await until(() => channel.health().state === "up");
  emulator.workspace.say(direct, "again");
  await until(() => texts().length === 1);
});

test("another program with the same token is named, since each gets only some messages", async (t) => {
  const { emulator, start } = await roomOn(t);
  emulator.others = 1;
  const channel = await start();
  assert.match(channel.health().detail, /1 more connection with this app's token/);
});

test("an address for the socket that is no socket's is not gone to", async (t) => {
  const { emulator, start } = await roomOn(t);
  emulator.socketAt = "file:///etc/passwd";
  const channel = await start();
  assert.equal(channel.health().state, "down");
  emulator.socketAt = null;
  await until(() => channel.health().state === "up");
});
