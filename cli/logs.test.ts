import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { lastLines, logLine } from "./logs.ts";

const record = (level: number, msg: string, more = {}) => JSON.stringify({ level, time: 0, msg, ...more });
const text = (line: string, level = "debug") => stripVTControlCharacters(logLine(line, level) ?? "(hidden)").slice(20);

test("a log line is shown with its level, message and details", () => {
  assert.equal(text(record(30, "host is up", { pid: 7, data: "/d" })), "info  host is up pid=7 data=/d");
  assert.equal(text(record(50, "bad", { err: { message: "no way", stack: "…" } })), 'error bad err="no way"');
});

test("lines below the level are left out", () => {
  assert.equal(logLine(record(30, "x"), "warn"), null);
  assert.notEqual(logLine(record(40, "x"), "warn"), null);
});

test("what is not JSON is shown as it is, and nothing in a log drives the terminal", () => {
  assert.equal(logLine("Error: \x1b[2Jcrash", "error"), "Error: crash");
  assert.equal(logLine("", "debug"), null);
  assert.equal(text(record(30, "a\x1b]0;x\x07b", { k: "\x1b[2J" })), 'info  ab k="\\u001b[2J"');
});

test("the last lines of a file, from an offset on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ncl-logs-"));
  try {
    const file = join(folder, "host.log");
    assert.deepEqual(await lastLines(file, "info", 5), []);
    writeFileSync(file, "before\n");
    appendFileSync(file, "1\n2\n3\n");
    assert.deepEqual(await lastLines(file, "info", 2), ["2", "3"]);
    assert.deepEqual(await lastLines(file, "info", 9, 7), ["1", "2", "3"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
