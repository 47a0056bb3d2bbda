import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MOST_MATCHED, patternMatches, patternProblem } from "./safe-pattern.ts";

test("what can't be matched in linear time, or becomes a large program, is refused with the reason", () => {
  const refused: [string, RegExp][] = [
    ["", /empty/],
    ["   ", /empty/],
    ["[", /missing closing \]/],
    ["(nano", /missing/],
    ["*", /missing argument/],
    ["(a)\\1", /escape/],
    ["(?=nano)", /Perl/],
    ["(?<!x)nano", /./],
    ["a{1001}", /repeat count/],
    ["((a{100}){10}){10}", /repeat count/],
    ["(.{0,100}){0,10}x", /repeats too much/],
    ["x".repeat(201), /longer than 200/],
    [".*", /every message/],
    ["(nano)?", /every message/],
  ];
  for (const [pattern, why] of refused) assert.match(patternProblem(pattern) ?? "taken", why, pattern);
});

test("a pattern is found anywhere in a text, and only in its beginning where that is long", () => {
  const nano = "(?i)\\bnano\\b";
  assert.equal(patternProblem(nano), null);
  assert.equal(patternMatches(nano, "hey Nano, are you there?"), true);
  assert.equal(patternMatches(nano, "nanometre"), false);
  assert.equal(patternMatches("^!ops", "!ops restart"), true);
  assert.equal(patternMatches("^!ops", "say !ops"), false);
  assert.equal(patternMatches(nano, `${"x ".repeat(MOST_MATCHED / 2)}nano`), false);
  assert.equal(patternMatches("[", "["), false, "what can't be compiled is found nowhere");
});

test("patterns over which a backtracking engine never ends are answered", () => {
  const text = "x".repeat(MOST_MATCHED);
  for (const [bomb, found] of [
    ["(x+x+)+y", false],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", false],
    ["(x|x)*!", false],
    ["(x*)*$", true],
    ["(?:x?){40}x{40}", true],
  ] as const)
    assert.equal(patternMatches(bomb, text), found, bomb);
});

test("a word is found wherever it stands, and of what is refused nothing is found", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,20}$/);
  fc.assert(
    fc.property(word, fc.string({ maxLength: 50 }), fc.string({ maxLength: 50 }), (found, before, after) =>
      patternMatches(found, before + found + after),
    ),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), fc.string({ maxLength: 100 }), (pattern, text) => {
      const problem = patternProblem(pattern);
      if (problem === null) return !patternMatches(pattern, "");
      return patternMatches(pattern, text) === (problem === "it is found in every message");
    }),
  );
});
