/** What Slack's calls must carry, and what becomes of those that don't; the rest is in the conformance suite. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { Emulator, SIGNING_SECRET } from "./testing/emulator.ts";
import { freePort } from "./testing/platform.ts";
import { roomOn, saying, until } from "./testing/room.ts";
import { ANN, TEAM } from "./testing/workspace.ts";
import { verify, Webhook } from "./webhook.ts";

const TYPE = { "content-type": "application/json" };

async function given(t: TestContext) {
  const room = await roomOn(t, "webhook");
  const { emulator } = room;
  const call = (headers: Record<string, string>, body: string, method = "POST") =>
    fetch(`http://127.0.0.1:${emulator.proxyTo}/any`, { method, headers, ...(method === "POST" ? { body } : {}) });
  const status = (...args: Parameters<typeof call>) => call(...args).then((response) => response.status);
  return { ...room, call, status, now: () => room.parts.clock.now() };
}

const event = (text: string, ts = "1700000000.000001") =>
  JSON.stringify({
    ...{ type: "event_callback", team_id: TEAM },
    event: { type: "message", channel: "D0ANN", channel_type: "im", user: ANN.id, team: TEAM, text, ts, event_ts: ts },
  });

test("only what carries Slack's signature of just now is understood", async (t) => {
  const { emulator, start, status, now, told } = await given(t);
  await start();
  const body = event("hello");
  const good = emulator.signed(body);
  const name = "x-slack-signature";
  assert.equal(await status({}, body), 401);
  assert.equal(await status({ ...good, [name]: "" }, body), 401);
  assert.equal(await status({ ...good, [name]: `v0=${"0".repeat(64)}` }, body), 401);
  // As long as a good one in letters, not in bytes.
  assert.equal(await status({ ...good, [name]: `v0=${"é".repeat(64)}` }, body), 401);
  assert.equal(await status(good, event("another")), 401);
  assert.equal(await status(emulator.signed(body, now(), "0".repeat(32)), body), 401);
  assert.equal(await status(emulator.signed(body, now() - 6 * 60_000), body), 401);
  assert.equal(await status(emulator.signed(body, now() + 6 * 60_000), body), 401);
  assert.equal(await status({ ...good, "x-slack-request-timestamp": "soon" }, body), 401);
  assert.equal(await status(good, "", "GET"), 405);
  assert.deepEqual(told, []);
  assert.equal(await status({ ...TYPE, ...emulator.signed(body) }, body), 200);
  assert.deepEqual(
    told.map(({ text }) => text),
    ["hello"],
  );
});

test("a signature is for one time and one body, whatever else is in the headers", () => {
  const body = Buffer.from("{}");
  for (const headers of [
    {},
    { "x-slack-request-timestamp": "" },
    { "x-slack-request-timestamp": "-1" },
    { "x-slack-request-timestamp": "9".repeat(40) },
  ])
    assert.equal(verify("0".repeat(32), headers, body, 1_700_000_000_000).good, false);
});

test("what is no JSON, too large, or a form without anything for us is turned away or let go", async (t) => {
  const { emulator, start, status, told } = await given(t);
  await start();
  const signed = (body: string) => ({ ...TYPE, ...emulator.signed(body) });
  assert.equal(await status(signed("not json"), "not json"), 400);
  const large = JSON.stringify("x".repeat(1_100_000));
  assert.ok([413, 0].includes(await status(signed(large), large).catch(() => 0)));
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal(await status({ ...form, ...emulator.signed("ssl_check=1") }, "ssl_check=1"), 200);
  const command = "command=%2Fstop&text=";
  assert.equal(await status({ ...form, ...emulator.signed(command) }, command), 200);
  assert.equal(await status({ ...form, ...emulator.signed("payload=%7B") }, "payload=%7B"), 400);
  for (const odd of ["null", "[]", "7", '{"type":"from the future"}'])
    assert.equal(await status(signed(odd), odd), 200, odd);
  assert.deepEqual(told, []);
});

test("the question by which Slack checks the address is answered", async (t) => {
  const { emulator, start, call, status } = await given(t);
  await start();
  const body = JSON.stringify({ type: "url_verification", challenge: "3eZb" });
  const response = await call({ ...TYPE, ...emulator.signed(body) }, body);
  assert.deepEqual([response.status, await response.text()], [200, "3eZb"]);
  assert.equal(await status(TYPE, body), 401);
});

test("a call that somebody repeats has no effect, and gets the answer of the first", async (t) => {
  const { emulator, direct, at, start, status, presses } = await given(t);
  const channel = await start();
  const { platformId: ts } = await channel.send(
    at(),
    saying("sure?", { buttons: [{ label: "Yes", value: "yes" }] }),
    "1",
  );
  const payload = {
    ...{ type: "block_actions", user: { id: ANN.id, team_id: TEAM }, channel: { id: direct.id }, message: { ts } },
    actions: [{ type: "button", value: "yes" }],
  };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded", ...emulator.signed(body) };
  assert.deepEqual(await Promise.all([status(headers, body), status(headers, body)]), [200, 200]);
  assert.equal(await status(headers, body), 200);
  assert.equal(presses.length, 1);
});

test("what could not be taken before it stopped may come again as it is", async (t) => {
  const { emulator, open, host, start, status, told } = await given(t);
  const channel = open();
  let asked = 0;
  await channel.start({
    ...host,
    accept: async () => {
      asked += 1;
      throw new Error("the disk is full");
    },
  });
  const body = event("keep me");
  const headers = { ...TYPE, ...emulator.signed(body) };
  const first = status(headers, body);
  await until(() => asked > 0);
  await channel.stop();
  assert.equal(await first, 503);
  await start();
  assert.equal(await status(headers, body), 200);
  assert.equal(told.length, 1);
});

test("a flood is turned away before anything of it is read, and Slack is heard again soon", async (t) => {
  const port = await freePort();
  let time = 1_700_000_000_000;
  const clock = { now: () => time, after: () => ({ cancel() {} }) };
  let taken = 0;
  const take = async () => {
    taken += 1;
  };
  const webhook = new Webhook({ clock, take }, SIGNING_SECRET, port);
  await webhook.connect();
  t.after(() => webhook.close());
  const emulator = new Emulator(clock.now);
  emulator.proxyTo = port;
  const strangers = async (count: number) => {
    const seen: number[] = [];
    for (let n = 0; n < count; n++) {
      const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "x" });
      seen.push(status);
    }
    return [401, 429].map((status) => seen.filter((one) => one === status).length);
  };
  assert.deepEqual(await strangers(320), [300, 20]);
  assert.equal(await emulator.call("events_api", { type: "event_callback" }), 429);
  time += 1_000;
  assert.equal(await emulator.call("events_api", { type: "event_callback" }), 200);
  assert.deepEqual([taken, await strangers(40)], [1, [29, 11]]);
});

test("a port that is taken is told at once", async (t) => {
  const { emulator, start } = await given(t);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(emulator.proxyTo, "127.0.0.1", resolve));
  t.after(() => other.close());
  await assert.rejects(start(), (error) => error instanceof Misuse && /can listen/.test(error.message));
});
