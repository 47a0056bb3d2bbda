import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_READ, NO_USE, type Reading, UsageReader, usedBy } from "./index.ts";

const event = (body: object) => `data: ${JSON.stringify(body)}\n\n`;
const named = (type: string, body: object) => `event: ${type}\n${event({ type, ...body })}`;

const ANTHROPIC =
  named("message_start", {
    message: {
      model: "claude-opus-5",
      usage: {
        input_tokens: 7,
        output_tokens: 1,
        cache_read_input_tokens: 3,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 10 },
      },
    },
  }) +
  named("content_block_delta", { delta: { type: "text_delta", text: 'ä data: {"usage":{"output_tokens":99}}\n' } }) +
  named("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 42 } });
const CHAT =
  event({ model: "gpt-x", choices: [{ delta: { role: "assistant", content: "hello" } }], usage: null }) +
  event({
    model: "gpt-x",
    choices: [],
    usage: { prompt_tokens: 100, completion_tokens: 9, prompt_tokens_details: { cached_tokens: 60 } },
  }) +
  "data: [DONE]\n\n";
const RESPONSES =
  named("response.created", { response: { model: "gpt-y", usage: null } }) +
  named("response.output_text.delta", { delta: "hello" }) +
  named("response.completed", {
    response: {
      model: "gpt-y",
      usage: {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 60 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 4 },
      },
    },
  });
/** A compatible server that tells no counts. */
const SILENT = `${event({ model: "local", choices: [{ delta: { content: "twelve bytes" } }] })}data: [DONE]\n\n`;

const STREAM = "text/event-stream; charset=utf-8";

function read(type: string, ...chunks: Buffer[]): Reading {
  const reader = new UsageReader(type);
  for (const chunk of chunks) reader.push(chunk);
  return reader.end();
}
const readText = (text: string, type = STREAM) => read(type, Buffer.from(text));

test("Anthropic's stream: the input from its beginning, the output from its end, the cache by how long it is kept", () => {
  const { told, final, model } = readText(ANTHROPIC);
  assert.deepEqual(told, { input: 7, output: 42, cacheRead: 3, cacheWrite: 50, cacheWriteHour: 10 });
  assert.deepEqual([final, model], [true, "claude-opus-5"]);
});

test("OpenAI's chat completions and responses: what came from the cache is not counted twice", () => {
  const expected = { ...NO_USE, input: 40, cacheRead: 60, output: 9 };
  for (const [stream, model] of [
    [CHAT, "gpt-x"],
    [RESPONSES, "gpt-y"],
  ] as const) {
    const reading = readText(stream);
    assert.deepEqual(reading.told, expected);
    assert.deepEqual([reading.final, reading.model], [true, model]);
  }
});

test("a whole message of each shape", () => {
  const anthropic = { model: "m", usage: { input_tokens: 5, output_tokens: 6 } };
  const chat = { model: "m", usage: { prompt_tokens: 5, completion_tokens: 6 } };
  const responses = { model: "m", usage: { input_tokens: 5, output_tokens: 6, input_tokens_details: {} } };
  for (const body of [anthropic, chat, responses]) {
    const reading = readText(JSON.stringify(body), "application/json");
    assert.deepEqual(reading.told, { ...NO_USE, input: 5, output: 6 });
    assert.deepEqual(usedBy(reading, 1), { use: reading.told, estimated: false });
  }
});

test("where nothing is told, it is estimated and marked so", () => {
  const reading = readText(SILENT);
  assert.equal(reading.told, null);
  assert.deepEqual(usedBy(reading, 300), { use: { ...NO_USE, input: 100, output: 4 }, estimated: true });
});

test("a stream that was cut off counts what it told and what it wrote", () => {
  const cut = ANTHROPIC.slice(0, ANTHROPIC.indexOf("event: message_delta"));
  const reading = readText(cut);
  assert.deepEqual([reading.told?.input, reading.told?.output, reading.final], [7, 1, false]);
  const { use, estimated } = usedBy(reading, 1);
  assert.deepEqual(
    [use.input, use.cacheWrite, use.output, estimated],
    [7, 50, Math.ceil(Buffer.byteLength('ä data: {"usage":{"output_tokens":99}}\n') / 3), true],
  );
});

test("a count that is told again as less was left out there", () => {
  const again = ANTHROPIC + named("message_delta", { usage: { input_tokens: 0, output_tokens: 43 } });
  assert.deepEqual([readText(again).told?.input, readText(again).told?.output], [7, 43]);
});

const cutAnywhere = (bytes: Buffer, cuts: number[]): Buffer[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.map((start, index) => bytes.subarray(start, at[index + 1] ?? bytes.length));
};

test("however it is cut into pieces, the same is read", () => {
  for (const stream of [ANTHROPIC, CHAT, RESPONSES, SILENT, ANTHROPIC.replaceAll("\n", "\r\n")]) {
    const bytes = Buffer.from(stream);
    const whole = read(STREAM, bytes);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
        assert.deepEqual(read(STREAM, ...cutAnywhere(bytes, cuts)), whole);
      }),
    );
  }
});

test("any bytes, cut anywhere, give the same and nothing that is no count", () => {
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((json) => Buffer.from(`data: ${json}`)),
    fc
      .record({
        type: fc.constantFrom("message_start", "message_delta", "x"),
        model: fc.anything(),
        usage: fc.anything(),
        message: fc.record({ usage: fc.dictionary(fc.constantFrom("input_tokens", "output_tokens"), fc.anything()) }),
        delta: fc.anything(),
        choices: fc.anything(),
      })
      .map((body) => Buffer.from(`data: ${JSON.stringify(body, (_, one) => (typeof one === "bigint" ? 0 : one))}`)),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.constantFrom(STREAM, "application/json"),
      (lines, cuts, type) => {
        const bytes = Buffer.concat(lines.flatMap((one) => [one, Buffer.from("\n")]));
        const reading = read(type, ...cutAnywhere(bytes, cuts));
        assert.deepEqual(reading, read(type, bytes));
        const { use } = usedBy(reading, 10);
        for (const count of [...Object.values(use), reading.written])
          assert.ok(Number.isSafeInteger(count) && count >= 0);
        assert.ok(use.cacheWriteHour <= use.cacheWrite);
        assert.match(reading.model ?? "", /^[\x21-\x7e]{0,100}$/);
      },
    ),
    { numRuns: 500 },
  );
});

test("counts of a wrong type, negative or beyond belief are not told", () => {
  for (const wrong of ["-1", "1e99", "1.5", '"7"', "null", "[1]", "{}", "true", "NaN"]) {
    const stream = `data: {"type":"message_delta","usage":{"output_tokens":${wrong},"input_tokens":${wrong}}}\n\n`;
    assert.equal(readText(stream).told, null, wrong);
  }
});

test("a line or body without end is not kept, counts by its length, and what follows is read", () => {
  const chunk = Buffer.alloc(100_000, "x");
  const reader = new UsageReader(STREAM);
  for (let count = 0; count < 50; count += 1) reader.push(chunk);
  reader.push(Buffer.from(`\n${ANTHROPIC}`));
  assert.equal(reader.end().told?.output, 42);
  assert.ok(reader.reading.written >= 5_000_000);

  const large = Buffer.from(`data: ${JSON.stringify({ usage: { output_tokens: 5 }, pad: "x".repeat(MAX_READ) })}\n`);
  for (const cuts of [[], [10, MAX_READ, MAX_READ + 20], [large.length - 1]]) {
    const reading = read(STREAM, ...cutAnywhere(large, cuts));
    assert.deepEqual([reading.told, reading.written], [null, large.length - 1]);
  }
  const body = read("application/json", ...Array.from({ length: 12 }, () => chunk));
  assert.deepEqual([body.told, body.written], [null, 1_200_000]);
});

test("deeply nested answers cost nothing but their line", () => {
  const deep = `data: {"delta":${"[".repeat(5000)}"x"${"]".repeat(5000)}}\n`;
  assert.deepEqual(readText(deep + ANTHROPIC).told?.output, 42);
});
