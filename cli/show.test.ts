import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, show } from "./show.ts";

test("a list of objects is a table with the columns of its shape", () => {
  const shape = { items: { properties: { folder: {}, timeZone: {}, size: { unit: "bytes" } } } };
  const rows = [
    { folder: "main", timeZone: "UTC", size: 2_500_000 },
    { folder: "漢", timeZone: null, size: 0, more: "not in the shape" },
  ];
  assert.equal(show(rows, shape), "folder  time zone  size\nmain    UTC        2.5 MB\n漢      -          0.0 MB\n");
});

test("an empty list says so", () => assert.equal(show([], {}), "none\n"));

test("an object is a list of names and values, objects within it indented", () => {
  const value = { name: "x", isReady: true, queues: { inbound: 1 }, list: [{ id: 7 }], none: [] };
  assert.equal(show(value), "name      x\nis ready  yes\nqueues\n  inbound  1\nlist\n  id\n  7\nnone      -\n");
});

test("times are shown in local time, also where they may be absent", () => {
  const shape = { properties: { at: { anyOf: [{ unit: "time" }, {}] } } };
  assert.match(show({ at: Date.UTC(2026, 0, 2, 12) }, shape), /^at {2}2026-01-0\d \d\d:00:00\n$/);
});

test("what only says that it was done is one word", () => assert.equal(show({ done: true }), "done\n"));

test("values can't drive the terminal or break the table", () => {
  assert.equal(show([{ text: "a\x1b[2J\nb" }]), "text\na b\n");
});

test("durations have two units at most", () => {
  assert.equal(duration(0), "0 s");
  assert.equal(duration(12_345), "12 s");
  assert.equal(duration(3_600_000), "1 h");
  assert.equal(duration(2 * 86_400_000 + 3 * 3_600_000 + 5000), "2 d 3 h");
});
