import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cut, oneLine, plain, widthOf, wrap } from "./text.ts";

test("escape sequences, control characters and direction marks don't reach the terminal", () => {
  assert.equal(plain("a\x1b[2Jb\x1b]0;title\x07c\x1b]52;c;ZXZpbA==\x1b\\d"), "abcd");
  assert.equal(plain("a\x9b31mb\x07c\x7f\u202ed\u2066e\x00"), "abcde");
  assert.equal(plain("one\r\ntwo\rthree\tfour"), "one\ntwo\nthree    four");
});

test("nothing that a terminal obeys survives, whatever the text", () => {
  const nasty = fc.constantFrom(
    "\x1b",
    "[",
    "]",
    "\x9b",
    "\x07",
    "\r",
    "\x1b\x1b[2J",
    "\x90",
    "P",
    "1",
    ";",
    "m",
    "\x1b\\",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(nasty, fc.string({ unit: "binary" }))), (parts) => {
      assert.doesNotMatch(plain(parts.join("")), /(?!\n)\p{Cc}/u);
    }),
  );
});

test("one line stays one line within its width", () => {
  assert.equal(oneLine("first\n  second\nthird"), "first second third");
  assert.equal(oneLine("abcdefgh", 5), "abcd…");
  assert.equal(oneLine("漢字漢字", 5), "漢字…");
});

test("wide characters, emoji and combining marks are counted as a terminal shows them", () => {
  assert.equal(widthOf("abc"), 3);
  assert.equal(widthOf("漢字"), 4);
  assert.equal(widthOf("👩‍👩‍👧"), 2);
  assert.equal(widthOf("e\u0301"), 1);
});

test("text is broken between words, and within a word that is too long", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
  assert.deepEqual(wrap("a\n\nb", 4), ["a", "", "b"]);
});

test("no wrapped line is too wide and no visible character is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const lines = wrap(plain(text), columns);
      for (const line of lines) assert.ok(widthOf(line) <= columns, JSON.stringify(line));
      assert.equal(lines.join("").replace(/\s/g, ""), plain(text).replace(/\s/g, ""));
      assert.ok(widthOf(cut(lines[0] ?? "", columns)) <= columns);
    }),
  );
});
