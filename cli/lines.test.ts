import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { linesOf } from "./lines.ts";

async function* chunked(bytes: Buffer, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const seen: string[] = [];
  for await (const line of lines) seen.push(line);
  return seen;
}

test("lines come out whole however the bytes were cut", async () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      assert.deepEqual(await all(linesOf(chunked(bytes, size), 10_000)), lines);
    }),
  );
});

test("a line without an end counts, and one without an end in sight is refused", async () => {
  assert.deepEqual(await all(linesOf(chunked(Buffer.from("a\nb"), 2), 10)), ["a", "b"]);
  await assert.rejects(all(linesOf(chunked(Buffer.alloc(100, 65), 7), 10)), /longer than 10 bytes/);
});
