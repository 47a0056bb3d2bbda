import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { systemClock } from "../../../src/lib/clock.ts";
import { openDoor, raw } from "../testing/door.ts";
import { loadAuthority } from "./authority.ts";
import { ask, connectTo, plain, until, webServer } from "./testing/network.ts";
import { openGateway } from "./testing/process.ts";

const ASKED = "GET /nanoclaw/proxy HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: nanoclaw-proxy\r\n\r\n";

test("requests of several sessions pass through one process, and each is asked about", async (t) => {
  const gateway = await openGateway(t);
  const { port } = await webServer(t, (request, response) => response.end(`hello ${request.url}`));
  const sessions = await Promise.all(["s-1", "s-2"].map((id) => gateway.open(id)));
  for (const [index, session] of sessions.entries()) {
    const answer = await ask(session.port, { at: port, path: `/${index}`, ca: gateway.authority() });
    assert.deepEqual([answer.status, answer.body], [200, `hello /${index}`]);
  }
  assert.deepEqual(
    gateway.asked.map(({ path }) => path),
    ["/0", "/1"],
  );
  await until(() => gateway.ended.length === 2);
});

test("a request that waits for its decision is withdrawn when its client goes away", async (t) => {
  let decide = (_: object) => {};
  const gateway = await openGateway(t, {
    decide: () =>
      new Promise((done) => {
        decide = done;
      }),
  });
  const session = await gateway.open("s-1");
  const { port } = await webServer(t, (_, response) => response.end());
  const asked = plain(session.port, `http://api.test:${port}/`).catch(() => null);
  await until(() => gateway.asked.length === 1);
  await session.close();
  decide({});
  await asked;
});

test("when the process dies its connections end, the next one starts another, and the host goes on", async (t) => {
  const gateway = await openGateway(t);
  const session = await gateway.open("s-1");
  const { port } = await webServer(t, (_, response) => void response.write("begun"));
  const tunnel = await connectTo(session.port, `api.test:${port}`);
  assert.equal(tunnel.status, 200);
  const first = gateway.gateway.networkPid;
  process.kill(first, "SIGKILL");
  await once(tunnel.socket.resume(), "end");
  await until(() => gateway.gateway.networkPid === 0);
  assert.match(await raw(session.socket, ASKED), /^HTTP\/1.1 503 /);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await connectTo(session.port, `api.test:${port}`)).status, 200);
  assert.notEqual(gateway.gateway.networkPid, first);
});

test("a process that does not answer is killed", { timeout: 30_000 }, async (t) => {
  const gateway = await openGateway(t, {}, { heartbeat: 100, answerTime: 2_000 });
  const session = await gateway.open("s-1");
  assert.equal((await connectTo(session.port, "api.test:443")).status, 200);
  process.kill(gateway.gateway.networkPid, "SIGSTOP");
  const hanging = connectTo(session.port, "api.test:443");
  await until(() => gateway.gateway.networkPid === 0, 20_000);
  assert.ok(Number.isNaN((await hanging).status));
});

test("a session's connections end with its door, and its door does not wait for them", async (t) => {
  const gateway = await openGateway(t);
  const [one, other] = [await gateway.open("s-1"), await gateway.open("s-2")];
  const tunnels = [await connectTo(one.port, "api.test:443"), await connectTo(other.port, "api.test:443")];
  await one.close();
  await until(() => tunnels[0]?.socket.destroyed === true || tunnels[0]?.socket.readableEnded === true);
  assert.equal(tunnels[1]?.socket.readableEnded, false);
});

test("without a way to the network the proxy is refused, in words", async (t) => {
  const { socket, records } = await openDoor(t, { address: "http://127.0.0.1:1" });
  assert.match(await raw(socket, ASKED), /^HTTP\/1.1 503 [\s\S]*nothing but the model can be reached/);
  assert.equal(records[0]?.decision, "deny");
});

test("the authority is made once, for this account only, and one that can't be used is not used", async (t) => {
  const gateway = await openGateway(t);
  const dir = join(gateway.dir, "keys");
  const authority = loadAuthority(dir, systemClock);
  const file = join(dir, "door-authority.pem");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(loadAuthority(dir, systemClock), authority);
  assert.equal(gateway.authority(), authority.certificate);
  const bundle = gateway.gateway.trust()["ca-bundle.pem"] ?? "";
  assert.ok(bundle.includes(authority.certificate.trim()) && bundle.split("BEGIN CERTIFICATE").length > 50);
  assert.ok(!JSON.stringify(gateway.gateway.trust()).includes("PRIVATE KEY"));
  const later = { ...systemClock, now: () => Date.now() + 3_600 * 24 * 3_600_000 };
  assert.notDeepEqual(loadAuthority(dir, later), authority);
  chmodSync(file, 0o644);
  assert.throws(() => loadAuthority(dir, systemClock), /other users can read/);
  chmodSync(file, 0o600);
  writeFileSync(file, readFileSync(file, "utf8").slice(0, 300));
  assert.throws(() => loadAuthority(dir, systemClock), /can't be used/);
});

test("bytes that came with the request for the connection are its client's first ones", async (t) => {
  const gateway = await openGateway(t);
  const session = await gateway.open("s-1");
  const { connect } = await import("node:net");
  const socket = connect(session.socket);
  socket.write(`${ASKED}GET http://no.test/ HTTP/1.0\r\nConnection: close\r\n\r\n`);
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1.1 101 [\s\S]*HTTP\/1.1 (502|200)/);
  assert.equal(gateway.asked[0]?.host, "no.test");
});
