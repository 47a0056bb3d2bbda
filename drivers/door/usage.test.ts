import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UsageMeter } from "./usage.ts";

const event = (type: string, body: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
const STREAM =
  event("message_start", { message: { usage: { input_tokens: 7, output_tokens: 1, cache_read_input_tokens: 3 } } }) +
  event("content_block_delta", { delta: { text: 'ä data: {"usage":{"output_tokens":99}}\n' } }) +
  event("message_delta", { usage: { output_tokens: 42 } });
const COUNTED = { inputTokens: 7, outputTokens: 42, cacheReadTokens: 3, cacheWriteTokens: 0 };

test("the counts of a stream are read, however it is cut into pieces", () => {
  const bytes = Buffer.from(STREAM);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const meter = new UsageMeter("text/event-stream; charset=utf-8");
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      for (const [index, start] of at.entries()) meter.push(bytes.subarray(start, at[index + 1]));
      assert.deepEqual(meter.result(), COUNTED);
    }),
  );
});

test("the counts of a whole message are read", () => {
  const meter = new UsageMeter("application/json");
  meter.push(Buffer.from('{"usage":{"input_tokens":7,'));
  meter.push(Buffer.from('"output_tokens":42,"cache_read_input_tokens":3}}'));
  assert.deepEqual(meter.result(), COUNTED);
});

test("nonsense counts for nothing, and a line without end is not kept", () => {
  const meter = new UsageMeter("text/event-stream");
  for (const usage of ['{"output_tokens":-1}', '{"output_tokens":1e99}', '"x"', "null", "{"]) {
    meter.push(Buffer.from(`data: {"usage":${usage}}\n`));
  }
  assert.ok(Object.values(meter.result() ?? {}).every((count) => count === 0));
  for (let count = 0; count < 100; count += 1) meter.push(Buffer.alloc(1_000_000, "x"));
  meter.push(Buffer.from(`\n${STREAM}`));
  assert.deepEqual(meter.result(), COUNTED);
});
