import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { ControlClient, HostDown, VerbError } from "./client.ts";
import { FakeHost, VerbFailure } from "./testing/fake-host.ts";

test("a verb's result comes back, its refusal is thrown with code and hint", async () => {
  await using host = new FakeHost();
  await host.start();
  host.verbs["groups.list"] = () => [];
  host.verbs["chat.list"] = () => {
    throw new VerbFailure("refused", "not you");
  };
  const client = new ControlClient(host.socketPath);
  assert.deepEqual(await client.call("groups.list", {}), []);
  await assert.rejects(client.call("chat.list", {}), (error) => {
    assert.ok(error instanceof VerbError);
    assert.deepEqual([error.code, error.message, error.hint], ["refused", "not you", "try otherwise"]);
    return true;
  });
});

test("a host that is not there is told from one that went away in the middle", async () => {
  await using host = new FakeHost();
  const client = new ControlClient(host.socketPath);
  await assert.rejects(client.call("status", {}), (error) => error instanceof HostDown && !error.cutOff);
  await host.start();
  host.verbs.status = () => new Promise(() => {});
  const call = client.call("status", {});
  setTimeout(() => host.stop(), 50);
  await assert.rejects(call, (error) => error instanceof HostDown && error.cutOff);
});

test("a file where the socket should be means that the host is down", async () => {
  await using host = new FakeHost();
  writeFileSync(host.socketPath, "");
  await assert.rejects(new ControlClient(host.socketPath).call("status", {}), HostDown);
});

test("binary junk at the socket is named as what it is", async () => {
  await using host = new FakeHost();
  const server = createServer((socket) =>
    socket.on("error", () => {}).end(Buffer.from([0, 255, 1, 254, 10, 10])),
  ).listen(host.socketPath);
  try {
    await assert.rejects(new ControlClient(host.socketPath).call("status", {}), /is not NanoClaw/);
  } finally {
    server.close();
  }
});

test("a stream yields its lines until its reader stops, and then hangs up", async () => {
  await using host = new FakeHost();
  await host.start();
  host.reply("one");
  host.reply("two");
  const seen: string[] = [];
  for await (const event of new ControlClient(host.socketPath).stream("chat.follow", { tail: 5 })) {
    if (event.type === "idle") break;
    if (event.type === "message") seen.push(event.text);
  }
  assert.deepEqual(seen, ["one", "two"]);
  while (host.followers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("a stream that fails on its way says why", async () => {
  await using host = new FakeHost();
  await host.start();
  const stream = new ControlClient(host.socketPath).stream("chat.follow", { tail: 5 });
  assert.deepEqual((await stream.next()).value, { type: "idle" });
  host.tell("main", { type: "error", code: "failed", message: "too slow", hint: "again" });
  await assert.rejects(stream.next(), /too slow/);
});

test("what is stopped by its caller ends with the caller's reason", async () => {
  await using host = new FakeHost();
  await host.start();
  host.verbs.status = () => new Promise(() => {});
  const stop = new AbortController();
  const call = new ControlClient(host.socketPath).call("status", {}, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await assert.rejects(call, /^Error: enough$/);
});
