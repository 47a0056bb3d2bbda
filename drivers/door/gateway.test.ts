import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { watchLoop } from "../../test/attack/mailbox/loop-delay.ts";
import { startScriptedModel } from "../../test/support/model.ts";
import { ASKED, ask, connectBell, MESSAGES, openDoor, raw, type TestDoorOptions, until } from "./testing/door.ts";

async function setUp(t: TestContext, options: Partial<TestDoorOptions> = {}) {
  const model = await startScriptedModel({ script: () => ({ say: "hello" }) });
  t.after(() => model.close());
  const heard = { rings: 0, bells: [] as boolean[] };
  const hooks = {
    onRing: () => {
      heard.rings += 1;
    },
    onBell: (connected: boolean) => void heard.bells.push(connected),
  };
  return { model, heard, ...(await openDoor(t, { address: model.address, hooks, ...options })) };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("the bell rings in both directions", async (t) => {
  const { door, socket, heard } = await setUp(t);
  door.ring();
  assert.equal(door.connected, false);
  const bell = await connectBell(socket);
  assert.deepEqual([door.connected, heard.bells], [true, [true]]);
  bell.socket.write("x");
  await until(() => heard.rings === 1);
  door.ring();
  await until(() => bell.rings() === 1);
  await pause(20);
  door.ring();
  await until(() => bell.rings() === 2);
  bell.socket.destroy();
  await until(() => heard.bells.length === 2);
  assert.deepEqual([door.connected, heard.bells], [false, [true, false]]);
});

test("no ring is lost: after the last byte of any burst the other side is told", async (t) => {
  const { door, socket, heard } = await setUp(t);
  const bell = await connectBell(socket);
  for (let round = 0; round < 30; round += 1) {
    const before = heard.rings;
    const rung = bell.rings();
    for (let count = 0; count <= round; count += 1) {
      bell.socket.write("x");
      door.ring();
    }
    await until(() => heard.rings > before && bell.rings() > rung);
  }
});

test("one bell at a time: the newest wins, and the old one's end is not taken for its end", async (t) => {
  const { door, socket, heard } = await setUp(t);
  const first = await connectBell(socket);
  const second = await connectBell(socket);
  await once(first.socket, "close");
  await pause(20);
  assert.deepEqual([door.connected, heard.bells], [true, [true, true]]);
  door.ring();
  await until(() => second.rings() === 1);
  assert.equal(first.rings(), 0);
});

test("a flood of rings is bounded, and the host stays awake", async (t) => {
  const { socket, heard } = await setUp(t);
  const bells = await Promise.all(Array.from({ length: 5 }, () => connectBell(socket)));
  const chunk = Buffer.alloc(65_536, 1);
  const flood = bells.at(-1)?.socket ?? assert.fail();
  let flooding = true;
  const pour = () => {
    while (flooding && flood.write(chunk));
    if (flooding) flood.once("drain", pour);
  };
  const loop = watchLoop();
  pour();
  await pause(1000);
  flooding = false;
  const { mostOwn } = loop.stop();
  assert.ok(heard.rings <= 220, `${heard.rings} rings were heard`);
  assert.ok(heard.rings >= 20, `${heard.rings} rings were heard`);
  assert.ok(mostOwn < 50, `the event loop was held up for ${mostOwn} ms`);
});

test("a bell that is never read takes no memory", async (t) => {
  const { door, socket } = await setUp(t);
  const bell = await connectBell(socket);
  bell.socket.pause();
  for (let count = 0; count < 100_000; count += 1) door.ring();
  await pause(20);
  bell.socket.resume();
  await pause(50);
  assert.ok(bell.rings() >= 1 && bell.rings() < 100, `${bell.rings()} bytes were sent`);
});

test("only its user may connect, and what an earlier host left is replaced", async (t) => {
  const { gateway, socket } = await setUp(t);
  const { mode, uid } = statSync(socket);
  assert.deepEqual([mode & 0o777, uid], [0o600, process.getuid?.()]);
  assert.equal(statSync(dirname(socket)).mode & 0o777, 0o711);
  const dir = mkdtempSync(join(tmpdir(), "door-"));
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, "session.sock"), "left over");
  const session = { id: "s-2", agentGroup: "a-1", uid: process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0) };
  const door = await gateway.open(session, dir, { onRing: () => {}, onFile: async () => "", onBell: () => {} });
  assert.equal(statSync(join(dir, "session.sock")).uid, session.uid);
  await door.close();
  assert.equal(existsSync(join(dir, "session.sock")), false);
});

test("a socket path that the system would cut is refused with a next step", async (t) => {
  const { gateway } = await setUp(t);
  const session = { id: "s-3", agentGroup: "a-1", uid: 0 };
  const opened = gateway.open(session, join(tmpdir(), "x".repeat(120)), {
    onRing: () => {},
    onFile: async () => "",
    onBell: () => {},
  });
  await assert.rejects(opened, (error: Misuse) => error instanceof Misuse && /NANOCLAW_RUN/.test(error.hint));
});

test("closing ends the bell and requests under way", async (t) => {
  const model = await startScriptedModel({ script: [{ stall: "half of" }] });
  t.after(() => model.close());
  const { door, socket } = await setUp(t, { address: model.address });
  const bell = await connectBell(socket);
  const asked = ask(socket);
  await until(() => model.requests.length === 1);
  const closed = once(bell.socket, "close");
  await Promise.all([door.close(), closed, assert.rejects(asked)]);
  await until(() => model.requests[0]?.aborted === true);
});

const refused: [name: string, request: string, status: number, words: RegExp][] = [
  ["a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 403, /tunnels do not pass/],
  [
    "a proxied address",
    "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
    403,
    /only requests below/,
  ],
  ["another path", "GET /etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 403, /only requests below/],
  ["another API", "POST /model/other/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 403, /only requests below/],
  [
    "files",
    "GET /model/anthropic/v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    403,
    /rule anthropic\.requests/,
  ],
  [
    "a path that only decodes to an allowed one",
    `POST ${MESSAGES}/../%6d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    403,
    /rule/,
  ],
  ["an unknown query", `POST ${MESSAGES}?beta=true&x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 403, /rule/],
  ["another method", `GET ${MESSAGES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 403, /rule/],
  [
    "another upgrade",
    "GET /nanoclaw/bell HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    403,
    /no such upgrade/,
  ],
  [
    "an upgrade on a model request",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: nanoclaw-bell\r\n\r\n`,
    403,
    /no such upgrade/,
  ],
  [
    "the bell without its upgrade",
    "GET /nanoclaw/bell HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    403,
    /only requests below/,
  ],
  [
    "two lengths",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    400,
    /not valid HTTP/,
  ],
  [
    "a length and chunks",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    /not valid HTTP/,
  ],
  [
    "a folded header",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 5\r\n\r\nhello`,
    400,
    /not valid HTTP/,
  ],
  [
    "a space before the colon",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello`,
    400,
    /not valid HTTP/,
  ],
  ["a bare line feed", `POST ${MESSAGES} HTTP/1.1\nHost: x\n\n`, 400, /not valid HTTP/],
  [
    "a chunked coding that is not last",
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n`,
    400,
    /not valid HTTP/,
  ],
  ["headers without end", `GET / HTTP/1.1\r\n${`X: ${"y".repeat(100)}\r\n`.repeat(300)}`, 431, /headers are too large/],
  ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, /^HTTP\/1\.1 400/],
  ["junk", "\x00\x01\x02 junk\r\n\r\n", 400, /not valid HTTP/],
];
for (const [name, request, status, words] of refused) {
  test(`refused with its reason: ${name}`, async (t) => {
    const { socket, model, records } = await setUp(t);
    const answer = await raw(socket, request);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, words);
    assert.equal(model.requests.length, 0);
    assert.ok(records.length <= 1 && records.every(({ decision }) => decision === "deny"));
    assert.equal((await ask(socket)).status, 200, "the door is still open");
  });
}

test("a body whose framing breaks ends the connection", async (t) => {
  const { socket, model, records } = await setUp(t);
  const head = `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
  assert.equal(await raw(socket, `${head}0x5\r\nhello\r\n0\r\n\r\n`), "");
  await until(() => records.length === 1);
  assert.equal(records[0]?.why, "its body did not come whole");
  assert.equal(model.requests.length, 0);
});

test("a request hidden in another one's body is not seen as a request", async (t) => {
  const { socket, model } = await setUp(t);
  const body = JSON.stringify({ ...ASKED, stream: false });
  const hidden = `${body}POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`;
  const answer = await raw(
    socket,
    `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${hidden}`,
  );
  assert.ok((answer.match(/HTTP\/1\.1/g)?.length ?? 0) <= 1, answer);
  assert.ok(model.requests.length <= 1);
});

test("random bytes never bring it down", async (t) => {
  const { socket } = await setUp(t);
  await Promise.all(Array.from({ length: 40 }, () => raw(socket, randomBytes(2000)).catch(() => "")));
  assert.equal((await ask(socket)).status, 200);
});

test("connections beyond the limit are closed, those within it go on", async (t) => {
  const { socket, heard } = await setUp(t, { limits: { connections: 10 } });
  const bell = await connectBell(socket);
  const many = Array.from({ length: 30 }, () => connect(socket).on("error", () => {}));
  await until(() => many.filter((one) => one.closed).length === 21);
  bell.socket.write("x");
  await until(() => heard.rings === 1);
  for (const one of many) one.destroy();
  await pause(20);
  assert.equal((await ask(socket)).status, 200);
});
