import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { type BodySchema, readMailbox } from "./read.ts";
import { MAX_FILE_BYTES } from "./schema.ts";
import { changeCounter } from "./snapshot.ts";
import { type MailboxChange, MailboxWriter } from "./writer.ts";

type Body = { kind: string; text?: string };
const anyBody: BodySchema<unknown> = { safeParse: (data) => ({ success: true, data }) };
let dir = "";
let path = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nanoclaw-mailbox-"));
  path = join(dir, "a ?#%.db");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function read(after = 0, limit = 128) {
  const result = readMailbox({ db: path, journal: `${path}-journal` }, { after, limit, schema: anyBody, attempts: 1 });
  assert.equal(result.status, "ok", JSON.stringify(result));
  if (result.status !== "ok") throw new Error("unreachable");
  return result;
}

const row = (n: number, text = "x") => ({ n, body: { kind: "note", text } });

describe("mailbox writer", () => {
  test("a reader sees what any series of commits adds up to", () => {
    const number = fc.integer({ min: 1, max: 30 });
    const text = fc.string({ unit: "binary", maxLength: 3_000 });
    const change = fc.record(
      {
        put: fc.array(
          fc.tuple(number, text).map(([n, t]) => row(n, t)),
          { maxLength: 5 },
        ),
        remove: fc.oneof(fc.record({ upTo: number }), fc.record({ numbers: fc.array(number, { maxLength: 4 }) })),
        state: fc.dictionary(fc.constantFrom("acked", "progress"), fc.option(text)),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.integer({ min: 0, max: 30 }), (changes, after) => {
        rmSync(path, { force: true });
        rmSync(`${path}-journal`, { force: true });
        const rows = new Map<number, Body>();
        const state: Record<string, string> = {};
        const writer = MailboxWriter.open(path);
        for (const one of changes) {
          writer.commit(one);
          apply(one, rows, state);
        }
        const found = read(after);
        const wanted = [...rows].filter(([n]) => n > after).sort(([a], [b]) => a - b);
        // JSON.stringify makes lone surrogates plain text; what comes back is what JSON can say.
        assert.deepEqual(
          found.rows,
          wanted.map(([n, body]) => ({ n, body })),
        );
        assert.deepEqual(found.state, Object.fromEntries(Object.entries(state).map(([k, v]) => [k, v.toWellFormed()])));
        assert.equal(writer.lastNumber(), Math.max(0, ...rows.keys()));
        writer.close();
      }),
      { numRuns: 60 },
    );
  });

  test("every commit moves the change counter, an empty one too", () => {
    assert.equal(changeCounter(path), null);
    const writer = MailboxWriter.open(path);
    const counters = [changeCounter(path)];
    for (const change of [{}, { put: [row(1)] }, { put: [row(1)] }, { state: { a: "b" } }, { remove: { upTo: 1 } }]) {
      writer.commit(change);
      counters.push(changeCounter(path));
    }
    assert.equal(new Set(counters).size, counters.length);
    writer.close();
  });

  test("rows and state outlive the writer; a missing number is no error", () => {
    const first = MailboxWriter.open(path);
    first.commit({ put: [row(2), row(4)], state: { acked: "1" } });
    first.close();
    const second = MailboxWriter.open(path);
    second.commit({ remove: { numbers: [2, 6] } });
    assert.equal(second.lastNumber(), 4);
    assert.deepEqual(read().rows, [row(4)]);
    assert.deepEqual(read().state, { acked: "1" });
    second.close();
  });

  test("a body that is too large is refused before anything is written", () => {
    const writer = MailboxWriter.open(path);
    assert.throws(
      () => writer.commit({ put: [row(1), row(3, "x".repeat(1_000_000))] }),
      /row 3 has 1000\d+ bytes.*shorten/,
    );
    assert.deepEqual(read().rows, []);
    writer.close();
  });

  test("a full file refuses a commit whole, stays readable, and takes rows again after others went", () => {
    const writer = MailboxWriter.open(path);
    const big = "x".repeat(900_000);
    let n = 0;
    const fill = () => {
      for (;;) writer.commit({ put: [row(2 * ++n, big)] });
    };
    assert.throws(fill, /nothing was written: database or disk is full/);
    assert.ok(statSync(path).size <= MAX_FILE_BYTES);
    assert.equal(read(0, 1).rows.length, 1);
    writer.commit({ remove: { upTo: 2 * n }, put: [row(2 * n + 2)] });
    assert.deepEqual(read().rows, [row(2 * n + 2)]);
    writer.close();
  });

  test("the file shrinks when large rows go", () => {
    const writer = MailboxWriter.open(path);
    writer.commit({ put: [row(2, "x".repeat(900_000))] });
    assert.ok(statSync(path).size > 900_000);
    writer.commit({ remove: { upTo: 2 } });
    assert.ok(statSync(path).size < 100_000);
    writer.close();
  });

  test("what is no mailbox is not opened, and the message says which file", () => {
    writeFileSync(path, "no database ".repeat(1_000));
    assert.throws(() => MailboxWriter.open(path), /a \?#%\.db can't be opened as a mailbox/);
    rmSync(path);
    execFileSync("mkfifo", [path]);
    assert.throws(() => MailboxWriter.open(path), /no regular file/);
  });

  test("killed at random moments, it loses nothing that was committed and shows no half commit", async () => {
    let hot = 0;
    let committed = 0;
    for (let round = 0; round < 12; round += 1) {
      committed = Math.max(committed, await killedWriter(path, 5 + Math.random() * 60));
      if (
        readFileSync(`${path}-journal`)
          .subarray(0, 8)
          .some((byte) => byte !== 0)
      )
        hot += 1;
      MailboxWriter.open(path).close();
      const { rows, state } = read(0, 10_000);
      assert.equal(rows.at(-1)?.n ?? 0, Number(state.last ?? 0), "half a commit");
      assert.ok(Number(state.last ?? 0) >= committed, `${committed} was committed, ${state.last} is there`);
    }
    assert.ok(hot > 0, "no kill met a commit: the test has shown nothing");
  });
});

function apply(
  { put = [], remove, state: entries = {} }: MailboxChange,
  rows: Map<number, Body>,
  state: Record<string, string>,
) {
  const gone = remove ? ("upTo" in remove ? [...rows.keys()].filter((n) => n <= remove.upTo) : remove.numbers) : [];
  for (const n of gone) rows.delete(n);
  for (const { n, body } of put) rows.set(n, body);
  for (const [key, value] of Object.entries(entries)) {
    if (value === null) delete state[key];
    else state[key] = value;
  }
}

/** Runs a writer at full rate in a process of its own. @returns the last number that it reported as committed */
function killedWriter(file: string, afterMs: number): Promise<number> {
  const code = `
    import { writeSync } from "node:fs";
    import { MailboxWriter } from ${JSON.stringify(join(import.meta.dirname, "writer.ts"))};
    const writer = MailboxWriter.open(${JSON.stringify(file)});
    let last = writer.lastNumber();
    for (;;) {
      const put = Array.from({ length: 3 }, () => ({ n: ++last, body: { kind: "note", text: "x".repeat(last % 2000) } }));
      writer.commit({ put, remove: { upTo: last - 100 }, state: { last: String(last) } });
      writeSync(1, last + "\\n");
    }`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let complaint = "";
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    child.stdout.on("data", (text) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += text;
    });
    child.once("close", (_, signal) => {
      if (signal === "SIGKILL") resolve(Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1)));
      else reject(new Error(complaint));
    });
  });
}
