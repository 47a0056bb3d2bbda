import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Anthropic, runAgent } from "../test/support/sdk.ts";
import { createPracticeServer } from "./server.ts";

const server = createPracticeServer();
let url = "";
before(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const client = () => new Anthropic({ baseURL: url, apiKey: "placeholder", maxRetries: 0 });
const ask = (content: string) => ({
  model: "practice",
  max_tokens: 1000,
  messages: [{ role: "user" as const, content }],
});
const bash = { name: "Bash", description: "", input_schema: { type: "object" as const } };
const post = (body: string, path = "/v1/messages") => fetch(`${url}${path}`, { method: "POST", body });

test("Anthropic's own client accumulates the stream to the message that the plain answer has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }), async (words) => {
      const asked = { ...ask(`say ${words}`), tools: [bash] };
      const whole = await client().messages.create(asked);
      const streamed = await client().messages.stream(asked).finalMessage();
      assert.deepEqual(streamed.content, whole.content);
      assert.equal(streamed.stop_reason, whole.stop_reason);
      assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
    }),
    { numRuns: 40 },
  );
});

test("a tool call streams its input in pieces that parse", async () => {
  const message = await client()
    .messages.stream({ ...ask("run echo 'a \"b\" ü'"), tools: [bash] })
    .finalMessage();
  const call = message.content.find((block) => block.type === "tool_use");
  assert.deepEqual(call?.input, { command: "echo 'a \"b\" ü'", description: "Running the command" });
  assert.equal(message.stop_reason, "tool_use");
});

test("events come in the order of the protocol", async () => {
  const response = await post(JSON.stringify({ ...ask("hello"), stream: true }));
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const names = Array.from(
    (await response.text()).matchAll(/^event: (\w+)\ndata: \{"type":"\1".*\}$/gm),
    (match) => match[1],
  );
  const once = names.filter((name, index) => name !== names[index - 1]);
  assert.deepEqual(once, [
    "message_start",
    "ping",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
});

test("tokens are counted, and an answer beyond max_tokens is cut and says so", async () => {
  assert.ok(
    (await client().messages.countTokens({ model: "practice", messages: ask("hello").messages })).input_tokens > 5,
  );
  const cut = await client().messages.create({ ...ask("tell me a story"), max_tokens: 1 });
  assert.equal(cut.stop_reason, "max_tokens");
});

test("a stream that the client leaves is not written on", async () => {
  const asked = once(server, "request");
  const stream = client().messages.stream(ask("tell me a story"));
  const [, response] = (await asked) as [unknown, ServerResponse];
  await new Promise((resolve) => stream.on("text", resolve));
  stream.abort();
  await assert.rejects(stream.finalMessage(), /abort/i);
  if (!response.closed) await once(response, "close");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(response.writableEnded, false);
});

test("requests that can't be answered get the protocol's errors", async () => {
  const cases: [body: string, status: number, type: string, path?: string][] = [
    ["{", 400, "invalid_request_error"],
    ["[]", 400, "invalid_request_error"],
    ['{"model":"m","max_tokens":5,"messages":[]}', 400, "invalid_request_error"],
    [
      '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text"}]}]}',
      400,
      "invalid_request_error",
    ],
    ['{"model":"m","messages":[{"role":"user","content":"x"}]}', 400, "invalid_request_error"],
    [JSON.stringify(ask("hello")), 404, "not_found_error", "/v1/complete"],
  ];
  for (const [body, status, type, path] of cases) {
    const response = await post(body, path);
    const answer = (await response.json()) as { type: string; error: { type: string } };
    assert.deepEqual([response.status, answer.type, answer.error.type], [status, "error", type], body);
  }
  assert.equal((await fetch(`${url}/v1/messages`)).status, 405);
});

test("no JSON that parses makes it fail", async () => {
  const messages = fc.array(
    fc.record({ role: fc.constantFrom("user", "assistant", "system"), content: fc.jsonValue() }),
  );
  await fc.assert(
    fc.asyncProperty(messages, fc.jsonValue(), async (said, tools) => {
      const response = await post(JSON.stringify({ model: "m", max_tokens: 50, messages: said, tools, system: tools }));
      assert.ok(response.status === 200 || response.status === 400, `${response.status} ${await response.text()}`);
    }),
    { numRuns: 200 },
  );
});

test("the real agent uses a tool on its word, and it remembers after a resume", { timeout: 60_000 }, async () => {
  const first = await runAgent(url, [{ text: "run echo from-the-tool" }]);
  assert.equal(first.failed, false);
  assert.match(first.result, /from-the-tool/);
  assert.ok(first.steps.includes("= from-the-tool"), first.steps.join("\n"));
  assert.ok(first.deltas.length > 3);
});

test("the real agent folds a follow-up into the turn that works", { timeout: 60_000 }, async () => {
  const run = await runAgent(url, [{ text: "work for 3 seconds" }, { text: "my name is Ada", afterMs: 1000 }]);
  assert.match(run.result, /worked for 3 seconds[\s\S]*Hello Ada/);
});
