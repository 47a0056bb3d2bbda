import assert from "node:assert/strict";
import { once } from "node:events";
import http, { createServer, type RequestOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Retryable } from "../../src/lib/errors.ts";
import { type Script, startScriptedModel } from "../../test/support/model.ts";
import { Anthropic, runAgent } from "../../test/support/sdk.ts";
import { ASKED, ask, MESSAGES, openDoor, relay, SECRET, type TestDoorOptions, until } from "./testing/door.ts";

async function setUp(t: TestContext, script: Script, options: Partial<TestDoorOptions> = {}) {
  const model = await startScriptedModel({ script });
  t.after(() => model.close());
  return { model, ...(await openDoor(t, { address: model.address, ...options })) };
}

/** An upstream that is no model, but what the test makes of it. */
async function upstream(t: TestContext, handler: http.RequestListener): Promise<string> {
  const server = createServer(handler);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The first bytes of an answer, with the answer still open. */
async function begin(socketPath: string, options: RequestOptions = {}) {
  const request = http.request({ socketPath, path: MESSAGES, method: "POST", agent: false, ...options });
  request.on("error", () => {});
  request.end(JSON.stringify(ASKED));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  return { request, response };
}

test("the owner's key goes in, whatever the client sent as its own comes out", async (t) => {
  const { model, socket, records } = await setUp(t, [{ say: "hello" }]);
  const stolen = {
    authorization: "Bearer theirs",
    "x-api-key": "theirs",
    cookie: "theirs=1",
    "proxy-authorization": "theirs",
    "x-forwarded-for": "theirs",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "a,b",
  };
  const answer = await ask(socket, { headers: stolen, path: `${MESSAGES}?beta=true` });
  assert.equal(answer.status, 200);
  const [seen] = model.requests;
  assert.equal(seen?.path, "/v1/messages?beta=true");
  assert.equal(seen?.headers["x-api-key"], SECRET);
  assert.equal(seen?.headers["anthropic-beta"], "a,b");
  assert.equal(seen?.headers["accept-encoding"], "identity");
  assert.ok(!JSON.stringify(seen?.headers).includes("theirs"));
  assert.ok(!JSON.stringify([answer, records]).includes(SECRET));
});

test("a subscription's token goes in as a bearer, with the beta that it needs", async (t) => {
  const { model, socket } = await setUp(t, [{ say: "hello" }, { say: "hello" }], {
    credential: { kind: "oauth_token", secret: SECRET },
  });
  await ask(socket, { headers: { "x-api-key": "theirs", "anthropic-beta": "a" } });
  await ask(socket);
  assert.equal(model.requests[0]?.headers.authorization, `Bearer ${SECRET}`);
  assert.equal(model.requests[0]?.headers["x-api-key"], undefined);
  assert.equal(model.requests[0]?.headers["anthropic-beta"], "a,oauth-2025-04-20");
  assert.equal(model.requests[1]?.headers["anthropic-beta"], "oauth-2025-04-20");
});

test("a local model that needs no credential gets none, and none is asked for", async (t) => {
  const { model, socket } = await setUp(t, [{ say: "hello" }], { needsCredential: false });
  await ask(socket, { headers: { authorization: "Bearer theirs" } });
  assert.equal(model.requests[0]?.headers["x-api-key"], undefined);
  assert.equal(model.requests[0]?.headers.authorization, undefined);
});

test("each request is one record, with the tokens that it took", async (t) => {
  const { socket, records } = await setUp(t, [{ say: "hello" }, { say: "hello" }]);
  const streamed = await ask(socket);
  const whole = await ask(socket, { body: { ...ASKED, stream: false } });
  const usage = JSON.parse(whole.body).usage;
  for (const [index, answer] of [streamed, whole].entries()) {
    const { ms, host, usage: counted, ...rest } = records[index] ?? assert.fail();
    assert.match(host, /^127\.0\.0\.1:\d+$/);
    assert.ok(ms >= 0 && ms < 5000);
    assert.equal(counted?.outputTokens, usage.output_tokens);
    assert.ok((counted?.inputTokens ?? 0) > 10);
    assert.deepEqual(rest, {
      ...{ session: "s-1", agentGroup: "a-1", method: "POST", path: MESSAGES, status: 200, decision: "allow", why: "" },
      requestBytes: JSON.stringify(index ? { ...ASKED, stream: false } : ASKED).length,
      responseBytes: Buffer.byteLength(answer.body),
      intent: 7,
    });
  }
});

test("what is sent on is what was inspected: doubled keys do not survive", async (t) => {
  const { model, socket } = await setUp(t, [{ say: "hello" }]);
  const body = JSON.stringify(ASKED).replace("{", '{"tools":[{"type":"web_search_20250305"}],"tools":[],');
  assert.equal((await ask(socket, { body })).status, 200);
  assert.deepEqual(JSON.parse(model.requests[0]?.raw ?? ""), { ...ASKED, tools: [] });
  assert.ok(!model.requests[0]?.raw.includes("web_search"));
});

test("what asks the provider to reach elsewhere is refused with the rule and a next step", async (t) => {
  const { model, socket, records } = await setUp(t, []);
  const { status, body } = await ask(socket, {
    body: { ...ASKED, tools: [{ type: "web_search_20250305", name: "web_search" }] },
  });
  assert.equal(status, 403);
  const { type, error } = JSON.parse(body);
  assert.deepEqual([type, error.type], ["error", "permission_error"]);
  assert.match(
    error.message,
    /NanoClaw gateway refused POST \/model\/anthropic\/v1\/messages: .*web_search_20250305.*\(rule tools\).*ask them/,
  );
  assert.equal(model.requests.length, 0);
  assert.deepEqual([records[0]?.decision, records[0]?.status], ["deny", 403]);
});

test("bodies that are too large, in parts or announced, encoded or broken are refused", async (t) => {
  const { model, socket } = await setUp(t, []);
  const large = Buffer.alloc(33_000_000, " ");
  assert.equal((await ask(socket, { body: large, headers: { "transfer-encoding": "chunked" } })).status, 413);
  assert.equal((await ask(socket, { body: "{}", headers: { "content-encoding": "gzip" } })).status, 415);
  assert.match((await ask(socket, { body: "{" })).body, /not JSON/);
  assert.match((await ask(socket, { body: Buffer.from([0x22, 0xff, 0x22]) })).body, /not JSON in UTF-8/);
  assert.match(
    (await ask(socket, { body: "[".repeat(1_000_000) })).body,
    /not JSON|nested too deeply|too large or too deep/,
  );
  assert.match(
    (await ask(socket, { body: `{"metadata":${"[".repeat(500_000)}${"]".repeat(500_000)}}` })).body,
    /too deep/,
  );
  assert.equal(model.requests.length, 0);
  assert.equal((await ask(socket, { path: "/model/anthropic/v1/files" })).status, 403, "it still answers");
});

test("a body that breaks the inspector breaks nothing else", { timeout: 60_000 }, async (t) => {
  const { socket } = await setUp(t, [{ say: "hello" }]);
  const bomb = `{"metadata":[${"[],".repeat(10_000_000)}[]]}`;
  const [bombed, other] = await Promise.all([ask(socket, { body: bomb }), ask(socket)]);
  assert.ok([200, 403, 400].includes(bombed.status), String(bombed.status));
  assert.equal(other.status, 200);
});

test("an event is passed on when it comes, not when the answer ends", async (t) => {
  const { socket } = await setUp(t, [{ say: "one two three four five six", paceMs: 40 }]);
  const { response } = await begin(socket);
  const seen: number[] = [];
  response.on("data", () => seen.push(Date.now()));
  await once(response, "end");
  assert.ok(seen.length >= 6, `${seen.length} chunks`);
  assert.ok((seen.at(-1) ?? 0) - (seen[0] ?? 0) > 150, "they came spread over the time of the answer");
});

test("headers are passed on before the first byte of the body", async (t) => {
  const address = await upstream(t, (_, response) => response.writeHead(200).flushHeaders());
  const { socket } = await openDoor(t, { address });
  const { response, request } = await begin(socket);
  assert.equal(response.statusCode, 200);
  request.destroy();
});

test("a client that goes away ends the request upstream at once", async (t) => {
  const { model, socket, records } = await setUp(t, [{ say: "word ".repeat(1000), paceMs: 20 }, { stall: "" }]);
  const { response, request } = await begin(socket);
  await once(response, "data");
  request.destroy();
  await until(() => model.requests[0]?.aborted === true && records.length === 1);
  assert.equal(records[0]?.why, "the client went away");
  const waiting = http
    .request({ socketPath: socket, path: MESSAGES, method: "POST", agent: false })
    .on("error", () => {});
  waiting.end(JSON.stringify(ASKED));
  await until(() => model.requests.length === 2);
  waiting.destroy();
  await until(() => model.requests[1]?.aborted === true && records.length === 2);
  assert.equal(records[1]?.status, 499);
});

test("an upstream that breaks off breaks the client's answer off, too", async (t) => {
  const { socket, records } = await setUp(t, [{ reset: "half of" }]);
  const { response } = await begin(socket);
  await assert.rejects(async () => {
    for await (const _ of response);
  });
  await until(() => records.length === 1);
  assert.equal(records[0]?.why, "the answer was cut off");
});

test("a client that does not read holds the upstream up instead of filling the host's memory", async (t) => {
  let sent = 0;
  const address = await upstream(t, (_, response) => {
    const chunk = Buffer.alloc(65_536);
    const more = () => {
      while (!response.destroyed && sent < 200_000_000) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
    };
    more();
  });
  const { socket } = await openDoor(t, { address });
  const { response, request } = await begin(socket);
  response.pause();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(sent < 10_000_000, `${sent} bytes were sent`);
  request.destroy();
});

test("failures of the API pass with what the client needs to react", async (t) => {
  const failures = [401, 403, 429, 500, 529];
  const { socket, records } = await setUp(
    t,
    failures.map((status) => ({ status, headers: { "retry-after": "3", "x-secret": "1" } })),
  );
  for (const [index, status] of failures.entries()) {
    const answer = await ask(socket);
    assert.equal(answer.status, status);
    assert.equal(answer.headers["retry-after"], "3");
    assert.equal(answer.headers["x-secret"], undefined);
    assert.equal(JSON.parse(answer.body).type, "error");
    assert.equal(records[index]?.why, `the model's API answered ${status}`);
  }
});

test("a service that repeats the key in its failure does not tell it to the container", async (t) => {
  const { socket, records } = await setUp(t, ({ headers }) => ({
    status: 401,
    message: `bad key ${headers["x-api-key"]}`,
  }));
  const answer = await ask(socket);
  assert.match(answer.body, /bad key \[removed\]/);
  assert.ok(!JSON.stringify([answer, records]).includes(SECRET));
});

test("cookies and unnamed headers of the upstream do not pass", async (t) => {
  const headers = { "set-cookie": "a=1", location: "http://elsewhere/", "request-id": "r1", "x-other": "1" };
  const address = await upstream(t, (_, response) => response.writeHead(307, headers).end());
  const { socket } = await openDoor(t, { address });
  const answer = await ask(socket);
  assert.equal(answer.headers["request-id"], "r1");
  assert.deepEqual(
    Object.keys(answer.headers).filter((name) => name in headers),
    ["request-id"],
  );
});

test("without a credential the answer says who must do what", async (t) => {
  const { socket, records } = await setUp(t, [], { credential: null });
  const answer = await ask(socket);
  assert.equal(answer.status, 401);
  assert.match(JSON.parse(answer.body).error.message, /no credential is set.*ncl credentials set anthropic/);
  assert.equal(records[0]?.why, "no credential is set");
});

test("an upstream that is not there, is silent or stops in the middle is told as such", async (t) => {
  const gone = await openDoor(t, { address: "unix:/nonexistent/model.sock" });
  assert.match((await ask(gone.socket)).body, /could not get an answer from the local model: nothing listens there/);
  const refused = await openDoor(t, { address: "http://127.0.0.1:1" });
  assert.equal((await ask(refused.socket)).status, 502);
  const patience = { connect: 100, firstByte: 100, idle: 100 };
  const silent = await setUp(t, [{ stall: "" }, { stall: "half of" }, { raw: "" }], { limits: { patience } });
  const late = await ask(silent.socket);
  assert.equal(late.status, 504);
  assert.match(late.body, /did not answer in time/);
  await assert.rejects(ask(silent.socket), /aborted|hang up/);
  await until(() => silent.records.length === 2);
  assert.equal(silent.records[1]?.why, "it fell silent in the middle of its answer");
  const nonsense = await upstream(t, (request) => request.socket.end("this is not HTTP\r\n\r\n"));
  assert.match((await ask((await openDoor(t, { address: nonsense })).socket)).body, /does not speak HTTP/);
});

test("a kept-open connection that has died meanwhile costs no failure", async (t) => {
  let served = 0;
  const address = await upstream(t, (request, response) => {
    served += 1;
    response.setHeader("keep-alive", "timeout=60");
    response.end("{}");
    // It closes without a word, after the answer.
    if (served === 1) setTimeout(() => request.socket.destroy(), 50);
  });
  const { socket } = await openDoor(t, { address });
  assert.equal((await ask(socket)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 49));
  for (let index = 0; index < 5; index += 1) assert.equal((await ask(socket)).status, 200);
});

test("a session that asks too often is told so, and recovers", async (t) => {
  const { socket, records } = await setUp(t, () => ({ say: "hello" }), { limits: { rate: 20, burst: 5 } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(socket)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 5);
  assert.equal(answers.filter(({ status }) => status === 429).length, 5);
  assert.equal(records.filter(({ decision }) => decision === "deny").length, 5);
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.equal((await ask(socket)).status, 200);
});

test("Anthropic's own client is content", async (t) => {
  const { socket, model } = await setUp(t, [
    { say: "hello" },
    { use: "Bash", input: { command: "ls" } },
    { status: 529 },
  ]);
  const client = new Anthropic({
    baseURL: `${await relay(t, socket)}/model/anthropic`,
    apiKey: "placeholder",
    maxRetries: 0,
  });
  const asked = { model: "m", max_tokens: 100, messages: [{ role: "user" as const, content: "hello" }] };
  assert.deepEqual((await client.messages.stream(asked).finalMessage()).content, [{ type: "text", text: "hello" }]);
  assert.equal((await client.messages.create(asked)).stop_reason, "tool_use");
  await assert.rejects(client.messages.create(asked), /529/);
  assert.ok((await client.messages.countTokens({ model: "m", messages: asked.messages })).input_tokens > 0);
  assert.equal(model.requests[0]?.headers["x-api-key"], SECRET);
  assert.equal(model.requests[0]?.headers.authorization, undefined);
});

test("the real agent works through it, and says what it refused", { timeout: 60_000 }, async (t) => {
  const { socket, model, records } = await setUp(t, [
    { use: "Bash", input: { command: "echo from-the-tool", description: "say" } },
    { say: "It said from-the-tool." },
  ]);
  const url = `${await relay(t, socket)}/model/anthropic`;
  const run = await runAgent(url, [{ text: "do it" }]);
  assert.equal(run.failed, false, run.result);
  assert.equal(run.result, "It said from-the-tool.");
  assert.ok(run.steps.includes("= from-the-tool"));
  assert.equal(model.requests.length, 2);
  assert.deepEqual(
    records.map(({ decision, why }) => [decision, why]),
    [
      ["allow", ""],
      ["allow", ""],
    ],
  );
});

test("the real agent's own tool set passes the rules", { timeout: 60_000 }, async (t) => {
  const { socket } = await setUp(t, [{ say: "fine" }]);
  const tools = { type: "preset", preset: "claude_code" } as const;
  const run = await runAgent(`${await relay(t, socket)}/model/anthropic`, [{ text: "hello" }], { tools });
  assert.equal(run.result, "fine");
});

test("the real agent shows the owner what to do when there is no credential", { timeout: 60_000 }, async (t) => {
  const { socket } = await setUp(t, [], { credential: null });
  const run = await runAgent(`${await relay(t, socket)}/model/anthropic`, [{ text: "hello" }]);
  assert.equal(run.failed, true);
  assert.match(run.result, /ncl credentials set anthropic/);
});

test("a request that carries the credential waits for its intent, and does not go where that can't be kept", async (t) => {
  const intents: unknown[] = [];
  let room = false;
  const { model, socket, records } = await setUp(t, [{ say: "hello" }], {
    intend: async (request) => {
      assert.equal(model.requests.length, 0, "nothing has gone out");
      intents.push(request);
      if (!room) throw new Retryable("the disk is full");
      return 3;
    },
  });
  const refused = await ask(socket);
  assert.equal(refused.status, 503);
  assert.match(refused.body, /disk has room/);
  assert.equal(model.requests.length, 0);
  room = true;
  assert.equal((await ask(socket)).status, 200);
  const [intent] = intents as { credential: string }[];
  assert.equal(intent?.credential, "anthropic");
  assert.deepEqual(
    records.map(({ decision, status, intent }) => [decision, status, intent]),
    [
      ["deny", 503, null],
      ["allow", 200, 3],
    ],
  );
  assert.ok(!JSON.stringify([records, intents]).includes(SECRET));
});
