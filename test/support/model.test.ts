import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { type Script, startScriptedModel } from "./model.ts";
import { Anthropic } from "./sdk.ts";

async function scripted(t: TestContext, script: Script) {
  const model = await startScriptedModel({ script });
  t.after(() => model.close());
  const client = new Anthropic({ baseURL: model.address, apiKey: "placeholder", maxRetries: 0 });
  const asked = { model: "m", max_tokens: 100, messages: [{ role: "user" as const, content: "hello" }] };
  return { model, ask: () => client.messages.stream(asked).finalMessage(), client, asked };
}

test("it says what the script says, in order, and keeps what it was asked", async (t) => {
  const { model, ask } = await scripted(t, [{ say: "one" }, { say: "so", use: "Bash", input: { command: "ls" } }]);
  assert.deepEqual((await ask()).content, [{ type: "text", text: "one" }]);
  const second = await ask();
  assert.equal(second.stop_reason, "tool_use");
  assert.deepEqual(
    second.content.map((block) => block.type),
    ["text", "tool_use"],
  );
  assert.equal(model.requests.length, 2);
  assert.equal(model.requests[0]?.headers.authorization, "Bearer placeholder");
  assert.equal(model.requests[0]?.body.messages[0]?.content, "hello");
  await assert.rejects(ask(), /the script has no entry 2/);
});

test("a script may be a function, and the answer may be whole", async (t) => {
  const { client, asked } = await scripted(t, ({ body }, index) => ({ say: `${index}: ${body.messages.length}` }));
  assert.deepEqual((await client.messages.create(asked)).content, [{ type: "text", text: "0: 1" }]);
});

for (const [status, type] of Object.entries({
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
})) {
  test(`status ${status} comes with the body of the real API`, async (t) => {
    const { ask } = await scripted(t, [{ status: Number(status), message: "no", headers: { "retry-after": "7" } }]);
    await assert.rejects(ask(), (error: InstanceType<typeof Anthropic.APIError>) => {
      assert.equal(error.status, Number(status));
      assert.equal(error.headers?.get("retry-after"), "7");
      assert.deepEqual(error.error, { type: "error", error: { type, message: "no" } });
      return true;
    });
  });
}

for (const [name, step] of Object.entries({
  "a malformed stream": { raw: "event: message_start\ndata: {nonsense\n\n" },
  "a truncated stream": { truncate: "half of" },
  "a reset in the middle": { reset: "half of" },
  "a reset before any byte": { reset: "" },
})) {
  test(`${name} fails at the client`, async (t) => {
    const { ask } = await scripted(t, [step]);
    await assert.rejects(ask());
  });
}

test("a stalled answer never goes on, and the client's leaving is noted", async (t) => {
  const { model, client, asked } = await scripted(t, [{ stall: "half of" }]);
  const stream = client.messages.stream(asked);
  const said = await new Promise((resolve) => stream.on("text", (_, all) => all === "half of" && resolve(all)));
  assert.equal(said, "half of");
  stream.abort();
  await assert.rejects(stream.finalMessage());
  while (!model.requests[0]?.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("it listens on a Unix socket, too", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "model-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const socket = join(dir, "m.sock");
  const model = await startScriptedModel({ script: [{ say: "hello", afterMs: 20 }, { reset: "x" }], socket });
  t.after(() => model.close());
  assert.equal(model.address, `unix:${socket}`);
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const asked = request({ socketPath: socket, path: "/v1/messages", method: "POST" });
      asked.on("error", reject).on("response", (response) => text(response).then(resolve, reject));
      asked.end(
        JSON.stringify({ model: "m", max_tokens: 9, stream: true, messages: [{ role: "user", content: "x" }] }),
      );
    });
  assert.match(await ask(), /event: message_stop/);
  await assert.rejects(ask());
});
