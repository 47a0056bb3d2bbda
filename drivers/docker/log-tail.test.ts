import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stderrTail } from "./log-tail.ts";

function frame(stream: number, text: string | Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test("only stderr is taken, in order", () => {
  assert.equal(stderrTail(Buffer.concat([frame(2, "one "), frame(1, "no "), frame(2, "two")]), 100), "one two");
});

test("of a long output the end is kept, without half a character at its front", () => {
  assert.equal(stderrTail(frame(2, "aé€"), 4), "€");
});

test("a cut frame is taken as far as it goes", () => {
  assert.equal(stderrTail(frame(2, "whole").subarray(0, 10), 100), "wh");
});

test("no bytes make it fail or exceed its limit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (bytes, limit) => {
      assert.ok(stderrTail(Buffer.from(bytes), limit).length <= limit);
    }),
  );
});
