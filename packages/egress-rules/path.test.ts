import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { comparePaths, matchesPath, type PathPattern, parsePath, readPath, showPath } from "./path.ts";

function firstOf(target: string): string {
  const path = readPath(target);
  if ("why" in path) throw new Error(`${target}: ${path.why}`);
  return `/${path.readings[0].join("/")}`;
}

function pattern(text: string): PathPattern {
  const parsed = parsePath(text);
  assert.ok(parsed, text);
  return parsed;
}

const matches = (text: string, target: string, caseless = false) => {
  const path = readPath(target);
  return !("why" in path) && path.readings.every((reading) => matchesPath(pattern(text), reading, caseless));
};

test("what only looks different has one form", () => {
  for (const [written, normal] of [
    ["/a/b", "/a/b"],
    ["//a///b/", "/a/b"],
    ["/%61/%62?x=/../", "/a/b"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/@scope%2fname", "/@scope%2Fname"],
    ["/a*b", "/a%2Ab"],
    ["/", "/"],
  ] as const)
    assert.equal(firstOf(written), normal);
});

for (const [what, target] of [
  ["dots", "/a/../b"],
  ["a dot", "/a/./b"],
  ["escaped dots", "/a/%2e%2E/b"],
  ["dots behind an escaped slash", "/a/..%2fb"],
  ["dots that are escaped twice", "/a/%252e%252e/b"],
  ["dots behind a backslash", "/a/..%5cb"],
  ["dots with parameters", "/a/..;x=1/b"],
  ["an escaped end of line", "/a%0d%0aHost:b"],
  ["an escaped end of line, twice", "/a%250ab"],
  ["an end of text", "/a%00"],
  ["a backslash", "/a\\b"],
  ["a space", "/a b"],
  ["a fragment", "/a#b"],
  ["letters beyond ASCII", "/é"],
  ["a broken escape", "/a%2"],
  ["half an escape", "/%zz"],
  ["no slash at its beginning", "a/b"],
  ["a whole address", "http://example.org/"],
  ["escapes over escapes", `/%${"25".repeat(6)}41`],
] as const) {
  test(`a path with ${what} has no reading`, () => {
    assert.ok("why" in readPath(target));
  });
}

test("an escaped slash is read both ways, and so are parameters and backslashes", () => {
  const readings = (target: string) => {
    const path = readPath(target);
    return "why" in path ? [] : path.readings.map((reading) => reading.join("/"));
  };
  assert.deepEqual(readings("/@scope%2fname"), ["@scope%2Fname", "@scope/name"]);
  assert.deepEqual(readings("/a%255cb"), ["a%255cb", "a%5Cb", "a/b"]);
  assert.deepEqual(readings("/admin;v=1/x"), ["admin;v=1/x", "admin/x"]);
});

test("a star is one segment, two at the end are the rest, also nothing", () => {
  assert.ok(matches("/a/*/c", "/a/b/c"));
  assert.ok(!matches("/a/*/c", "/a/c"));
  assert.ok(!matches("/a/*/c", "/a/b/b/c"));
  assert.ok(matches("/a/**", "/a"));
  assert.ok(matches("/a/**", "/a/b/c/"));
  assert.ok(!matches("/a/**", "/ab"));
  assert.ok(matches("/**", "/"));
  assert.ok(!matches("/*", "/a%2fb"));
  assert.ok(matches("/a", "/A", true));
  assert.ok(!matches("/a", "/A"));
});

test("what is no pattern is none", () => {
  for (const text of ["", "a", "/a?b", "/a/**/b", "/a*", "/***", "/..", "/%2e", "/a b", "/%", "/a\\b", "/a#b", "/%0a"])
    assert.equal(parsePath(text), null, text);
});

const words = fc.constantFrom("a", "B", "a%2Fb", "%2A", "a;b", "%25", "~", "%C3%A9");
const patterns = fc
  .record({ parts: fc.array(fc.oneof(words, fc.constant("*")), { maxLength: 4 }), rest: fc.boolean() })
  .map(({ parts, rest }) => `/${[...parts, ...(rest ? ["**"] : [])].join("/")}`);
const targets = fc.oneof(
  fc.array(words, { maxLength: 5 }).map((parts) => `/${parts.join("/")}`),
  fc
    .array(fc.constantFrom("/", "a", "%", "2", "f", "5", "c", ".", ";", "*", "e", "?"), { maxLength: 12 })
    .map((all) => `/${all.join("")}`),
);

test("the normal form is its own normal form, of paths and of patterns", () => {
  fc.assert(
    fc.property(targets, (target) => {
      if ("why" in readPath(target)) return;
      assert.equal(firstOf(firstOf(target)), firstOf(target));
    }),
  );
  fc.assert(
    fc.property(patterns, (text) => {
      const once = showPath(pattern(text));
      assert.equal(showPath(pattern(once)), once);
    }),
  );
});

test("a pattern without stars matches its own path and nothing else", () => {
  fc.assert(
    fc.property(targets, targets, (one, other) => {
      if ("why" in readPath(one) || "why" in readPath(other)) return;
      const exact = pattern(firstOf(one));
      const path = readPath(other);
      const [first = []] = "why" in path ? [] : path.readings;
      assert.equal(matchesPath(exact, first, false), firstOf(one) === firstOf(other));
    }),
  );
});

test("a pattern matches what its own words say, told in another way", () => {
  fc.assert(
    fc.property(patterns, targets, (text, target) => {
      const path = readPath(target);
      if ("why" in path) return;
      const { segments, rest } = pattern(text);
      const one = "[^/]+";
      const body = segments
        .map((part) => `/${part === null ? one : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`)
        .join("");
      const told = new RegExp(`^${body}${rest ? `(/${one})*` : ""}$`);
      for (const reading of path.readings) {
        const text = reading.map((segment) => `/${segment}`).join("");
        assert.equal(matchesPath(pattern(showPath({ segments, rest })), reading, false), told.test(text), text);
      }
    }),
  );
});

test("patterns that match the same path have one order", () => {
  fc.assert(
    fc.property(fc.tuple(patterns, patterns, patterns), ([a, b, c]) => {
      const [one, two, three] = [pattern(a), pattern(b), pattern(c)];
      assert.equal(Math.sign(comparePaths(one, two)), -Math.sign(comparePaths(two, one)) + 0);
      if (comparePaths(one, two) >= 0 && comparePaths(two, three) >= 0) assert.ok(comparePaths(one, three) >= 0);
    }),
  );
});
