import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { filterPaste, notPasting } from "./paste.ts";

function typed(...chunks: string[]): string {
  let state = notPasting;
  let output = "";
  for (const chunk of chunks) {
    const result = filterPaste(state, chunk);
    state = result.state;
    output += result.output;
  }
  return output;
}

test("newlines of a paste become signs, those that are typed send", () => {
  assert.equal(typed("a\x1b[200~one\rtwo\r\nthree\nfour\x1b[201~b\r"), "aone␤two␤three␤fourb\r");
});

test("a paste can't bring keys along", () => {
  assert.equal(typed("\x1b[200~rm\x03\x04\x1b[Ax\ty\x1b[201~"), "rm[Ax    y");
});

test("Alt-Enter makes a new line; other keys pass untouched", () => {
  assert.equal(typed("a\x1b\rb"), "a␤b");
  assert.equal(typed("\x1b[A\x1b[2~\x03\x1b"), "\x1b[A\x1b[2~\x03\x1b");
});

test("it does not matter how a paste is cut into pieces", () => {
  const whole = "x\x1b[200~one\rtwo \x1b[20 three\x1b[201~y\r\x1b[200~z\x1b[201~";
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 3, max: whole.length }), { maxLength: 6 }), (cuts) => {
      // A mark cut right after its Escape looks like the Escape key; terminals send marks in one piece.
      const at = [0, ...cuts.filter((cut) => whole[cut - 1] !== "\x1b"), whole.length].sort((a, b) => a - b);
      const pieces = at.slice(1).map((end, index) => whole.slice(at[index], end));
      // A newline pair is never cut here: a lone one counts as a whole.
      assert.equal(typed(...pieces), typed(whole));
    }),
  );
});
