import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nameOf, PLACEHOLDER, placeholderOf, UNFINISHED } from "./index.ts";

const key = Buffer.alloc(32, 7);

test("every placeholder is found by the pattern, is the same each time, and names its credential in its session only", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (session, other, name) => {
      const placeholder = placeholderOf(key, session, name);
      assert.deepEqual(`a ${placeholder}.`.match(PLACEHOLDER), [placeholder]);
      assert.equal(placeholder.length, UNFINISHED + 1);
      assert.equal(placeholderOf(key, session, name), placeholder);
      assert.equal(nameOf(key, session, placeholder, ["x", name, "y"]), name === "x" ? "x" : name);
      if (other !== session) assert.equal(nameOf(key, other, placeholder, [name]), null);
    }),
  );
});

test("another key, session or name gives another one, and every letter of the alphabet turns up in every place", () => {
  const all = new Set<string>();
  const places = Array.from({ length: 26 }, () => new Set<string>());
  for (let i = 0; i < 2000; i++) {
    const placeholder = placeholderOf(key, "s", `name-${i}`);
    all.add(placeholder);
    for (const [place, seen] of places.entries()) seen.add(placeholder.charAt("ncph_".length + place));
  }
  assert.equal(all.size, 2000);
  assert.deepEqual([...new Set(places.map((seen) => seen.size))], [32]);
  assert.notEqual(placeholderOf(Buffer.alloc(32, 8), "s", "name-1"), placeholderOf(key, "s", "name-1"));
  // Where the one ends and the other begins can't be shifted.
  assert.notEqual(placeholderOf(key, "ab", "c"), placeholderOf(key, "a", "bc"));
});
