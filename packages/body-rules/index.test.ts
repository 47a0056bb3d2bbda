import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anthropicBundle } from "../../src/gateway/bundle.ts";
import { inspectBody } from "./index.ts";

const inspect = (body: unknown) => inspectBody(anthropicBundle.body, Buffer.from(JSON.stringify(body)));
const content = (...blocks: unknown[]) => ({ model: "m", messages: [{ role: "user", content: blocks }] });
const text = { type: "text", text: "hello" };
const url = { type: "url", url: "https://example.org/x.png" };
const file = { type: "file", file_id: "file_1" };
const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };

const allowed: Record<string, unknown> = {
  "plain words": { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hello" }], system: "be nice" },
  "tools that the client runs": {
    tools: [{ name: "Bash", input_schema: {} }, { type: "custom", name: "x" }, { type: "bash_20250124" }],
  },
  "pictures in the request": content(picture),
  "documents in the request": content({ type: "document", source: { type: "content", content: [text, picture] } }),
  "tool calls, whatever their input says": content({
    type: "tool_use",
    id: "1",
    name: "x",
    input: { source: url, type: "url", mcp_servers: [] },
  }),
  "tool results with pictures": content({ type: "tool_result", tool_use_id: "1", content: [text, picture] }),
  "tool schemas, whatever they say": { tools: [{ name: "x", input_schema: { properties: { source: url } } }] },
  "search results of the client": content({
    type: "search_result",
    source: "https://example.org",
    title: "x",
    content: [text],
  }),
  "tools added later by name": content({ type: "tool_addition", tool: { type: "tool_reference", tool_name: "x" } }),
};
for (const [name, body] of Object.entries(allowed)) {
  test(`passes unchanged: ${name}`, () => {
    const verdict = inspect(body);
    assert.ok(verdict.allow, verdict.allow ? "" : verdict.why);
    assert.deepEqual(JSON.parse(verdict.body), body);
  });
}

const refused: Record<string, [body: unknown, why: RegExp]> = {
  "a server-side web search": [
    { tools: [{ type: "web_search_20250305" }] },
    /tools\.0: a tool of type "web_search_20250305"/,
  ],
  "a server-side web fetch": [{ tools: [text, { type: "web_fetch_20250910" }] }, /rule tools/],
  "code execution at the provider": [{ tools: [{ type: "code_execution_20250825" }] }, /rule tools/],
  "a set of remote tools": [{ tools: [{ type: "mcp_toolset", mcp_server_name: "x" }] }, /rule tools/],
  "servers by address": [{ mcp_servers: [{ type: "url", url: "https://example.org" }] }, /field "mcp_servers"/],
  "a container at the provider": [{ container: "c1" }, /field "container"/],
  "a field that nobody knows": [{ [`new\n${"x".repeat(200)}`]: 1 }, /field "new\?x{56}" is not allowed/],
  "a picture by address": [
    content({ type: "image", source: url }),
    /messages\.0\.0: content from a source of type "url"/,
  ],
  "a document by address": [content({ type: "document", source: url }), /rule sources/],
  "a document by file id": [content({ type: "document", source: file }), /rule sources/],
  "a picture by address in a tool result": [
    content({ type: "tool_result", content: [{ type: "image", source: url }] }),
    /rule sources/,
  ],
  "a picture by address in a document": [
    content({ type: "document", source: { type: "content", content: [{ type: "image", source: url }] } }),
    /rule sources/,
  ],
  "a picture by address in the system prompt": [{ system: [{ type: "image", source: url }] }, /rule sources/],
  "a file for the provider's container": [content({ type: "container_upload", file_id: "x" }), /rule blocks/],
  "a server tool added in a message": [
    content({ type: "tool_addition", tool: { type: "tool_definition", definition: { type: "web_search_20250305" } } }),
    /rule tools/,
  ],
  "a block without a type": [content({ text: "x" }), /rule blocks/],
  "a type that is no text": [content({ type: ["text"] }), /rule blocks/],
  "a source that is a list": [content({ type: "image", source: [url] }), /is not an object/],
  "tools that are no list": [{ tools: { 0: { type: "web_search_20250305" } } }, /tools is not a list/],
  "messages that are no list": [{ messages: { content: [] } }, /messages is not a list/],
  "a body that is a list": [[], /the body is not an object/],
};
for (const [name, [body, why]] of Object.entries(refused)) {
  test(`refused: ${name}`, () => {
    const verdict = inspect(body);
    assert.equal(verdict.allow, false);
    assert.match(verdict.allow ? "" : verdict.why, why);
  });
}

test("content nested without end is refused", () => {
  let block: unknown = text;
  for (let depth = 0; depth < 20; depth += 1) block = { type: "tool_result", content: [block] };
  assert.match(JSON.stringify(inspect(content(block))), /nested too deeply/);
});

test("no JSON makes it throw, and what passes holds no address to load from", () => {
  const block = fc.letrec((tie) => ({
    block: fc.record(
      {
        type: fc.constantFrom("text", "image", "document", "tool_result", "search_result", "tool_use", "web"),
        source: fc.oneof(
          fc.constantFrom(url, file, picture.source, "x"),
          fc.record({ type: fc.constant("content"), content: tie("content") }),
        ),
        content: tie("content"),
      },
      { requiredKeys: [] },
    ),
    content: fc.oneof({ depthSize: "small" }, fc.string(), fc.array(tie("block"), { maxLength: 3 }), tie("block")),
  })).block;
  fc.assert(
    fc.property(fc.array(block, { minLength: 1 }), fc.jsonValue(), (blocks, tools) => {
      const verdict = inspect({ ...content(...blocks), tools });
      if (!verdict.allow) return;
      assert.ok(!/"source":\{"type":"(url|file)"/.test(JSON.stringify(JSON.parse(verdict.body).messages)));
    }),
    { numRuns: 2000 },
  );
});
