import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { type TestContext, test } from "node:test";
import { type Reading, usedBy } from "../../packages/model-usage/index.ts";
import { type Meter, type MeteredRequest, STOPPED_BY_METER } from "../../src/gateway/meter.ts";
import { type Script, startScriptedModel } from "../../test/support/model.ts";
import { ASKED, ask, MESSAGES, openDoor, until } from "./testing/door.ts";

/** A door whose meter keeps what it is asked and told. */
async function setUp(t: TestContext, script: Script, change: Partial<Meter> = {}, needsCredential = true) {
  const model = await startScriptedModel({ script });
  t.after(() => model.close());
  const asked: (MeteredRequest & { session: string })[] = [];
  const ended: { id: number; status: number; reading: Reading | null }[] = [];
  const meter: Meter = {
    ask: ({ id }, request) => {
      asked.push({ ...request, session: id });
      return { allow: true, id: asked.length };
    },
    goesOn: () => true,
    ended: (id, status, reading) => ended.push({ id, status, reading }),
    ...change,
  };
  const door = await openDoor(t, { address: model.address, meter, needsCredential });
  // The process that inspects bodies is up; on a busy machine its start may take longer than a body has.
  let up = false;
  for (let tries = 0; tries < 20 && !up; tries += 1)
    up = (await ask(door.socket, { path: `${MESSAGES}/count_tokens` })).status === 200;
  assert.ok(up, "no body was inspected in time");
  await until(() => door.records.length > 0);
  door.records.length = 0;
  return { model, asked, ended, ...door };
}

test("the meter is asked with what the body says of its price, and told what was used, once for each request", async (t) => {
  const { socket, asked, ended } = await setUp(t, [{ say: "hello" }, { say: "hello" }]);
  await ask(socket);
  await ask(socket, { body: { ...ASKED, speed: "fast", max_tokens: "many" } });
  const { hash, ...first } = asked[0] ?? assert.fail();
  const bytes = JSON.stringify(ASKED).length;
  assert.deepEqual(first, {
    session: "s-1",
    model: "m",
    maxOutput: 100,
    streamed: true,
    fast: false,
    bytes,
    billed: true,
  });
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.deepEqual([asked[1]?.fast, asked[1]?.maxOutput], [true, null]);
  await until(() => ended.length === 2);
  assert.deepEqual([ended[0]?.id, ended[0]?.status, ended[0]?.reading?.final], [1, 200, true]);
  assert.ok((ended[0]?.reading?.told?.output ?? 0) > 0);
});

test("equal bodies have equal hashes, others do not", async (t) => {
  const { socket, asked } = await setUp(t, () => ({ say: "hello" }));
  await ask(socket);
  await ask(socket, { body: JSON.stringify(ASKED).replace(",", " ,\n") });
  await ask(socket, { body: { ...ASKED, max_tokens: 101 } });
  const [first, again, other] = asked.map(({ hash }) => hash);
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test("what the meter refuses goes nowhere, and the client is told why in its words", async (t) => {
  const why = `${STOPPED_BY_METER}it is enough`;
  const { socket, model, ended, records } = await setUp(t, [], {
    ask: () => ({ allow: false, status: 402, type: "billing_error", why }),
  });
  const { status, body } = await ask(socket);
  assert.deepEqual([status, JSON.parse(body).error], [402, { type: "billing_error", message: why }]);
  assert.deepEqual([model.requests.length, ended.length], [0, 0]);
  await until(() => records.length === 1);
  assert.deepEqual([records[0]?.decision, records[0]?.why], ["deny", why]);
});

test("an answer that the meter cuts off ends there, and counts what was written", async (t) => {
  let left = 2;
  const long = "word ".repeat(20_000);
  const { socket, ended, records } = await setUp(t, [{ say: long, paceMs: 1 }], {
    goesOn: () => {
      left -= 1;
      return left > 0;
    },
  });
  const request = http.request({ socketPath: socket, path: MESSAGES, method: "POST", agent: false });
  request.on("error", () => {});
  request.end(JSON.stringify({ ...ASKED, max_tokens: 100_000 }));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.on("error", () => {}).resume();
  await new Promise((resolve) => response.once("close", resolve));
  assert.equal(response.complete, false);
  await until(() => ended.length === 1 && records.length === 1);
  const reading = ended[0]?.reading ?? assert.fail();
  assert.ok(reading.written >= 3000 && reading.written < long.length);
  assert.ok(usedBy(reading, 1).use.output >= 1000);
  assert.match(records[0]?.why ?? "", /beyond its budget by far/);
});

test("an answer that breaks off counts what it told so far; a failure costs nothing", async (t) => {
  const { socket, ended, model } = await setUp(t, [
    { reset: "some of the words" },
    { truncate: "some of the words" },
    { status: 529 },
  ]);
  for (let count = 0; count < 3; count += 1) await ask(socket).catch(() => {});
  await until(() => ended.length === 3);
  for (const { reading } of ended.slice(0, 2)) {
    assert.ok((reading?.told?.input ?? 0) > 0 && (reading?.written ?? 0) >= 17);
    assert.equal(reading?.final, false);
  }
  assert.deepEqual([ended[2]?.status, ended[2]?.reading], [529, null]);
  await model.close();
  await ask(socket);
  assert.deepEqual([ended[3]?.status, ended[3]?.reading], [502, null]);
});

test("a client that goes away before the answer has had its request sent, so it may cost", async (t) => {
  const { socket, ended, model } = await setUp(t, [{ stall: "" }]);
  const request = http.request({ socketPath: socket, path: MESSAGES, method: "POST", agent: false });
  request.on("error", () => {});
  request.end(JSON.stringify(ASKED));
  await until(() => model.requests.length === 1);
  request.destroy();
  await until(() => ended.length === 1);
  assert.deepEqual([ended[0]?.status, ended[0]?.reading?.told], [499, null]);
  assert.ok(ended[0]?.reading !== null && usedBy(ended[0]?.reading ?? assert.fail(), 300).use.input === 100);
});

test("counting tokens costs nothing and is not metered; a local model is, as free", async (t) => {
  const { socket, asked } = await setUp(t, [{ say: "hello" }], {}, false);
  assert.equal((await ask(socket, { path: `${MESSAGES}/count_tokens` })).status, 200);
  assert.equal(asked.length, 0);
  await ask(socket);
  assert.deepEqual([asked.length, asked[0]?.billed], [1, false]);
});
