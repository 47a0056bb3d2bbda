import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MailboxChange, MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { OutboundRow, Progress } from "../../protocol/rows.ts";
import { Journal } from "./journal.ts";

const row = (n: number, bytes = 10): OutboundRow => ({
  n,
  body: { kind: "tool_started", turn: 1, call: "c", name: "n", summary: "x".repeat(bytes) },
});
const progress = (version: number): Progress => ({ turn: 1, version, text: "", activity: "" });
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function journal(taken = 0) {
  const commits: { change: MailboxChange; at: number }[] = [];
  const failures: unknown[] = [];
  let broken = false;
  const breakDown = () => {
    broken = true;
  };
  const writer = {
    commit(change: MailboxChange) {
      if (broken) throw new Error("disk full");
      commits.push({ change, at: performance.now() });
    },
    close() {},
  } as unknown as MailboxWriter;
  let rings = 0;
  const made = new Journal({ writer, taken, ring: () => rings++, failed: (error) => failures.push(error) });
  return { made, commits, failures, rings: () => rings, breakDown };
}
const numbers = (change: MailboxChange | undefined) => change?.put?.map(({ n }) => n);

describe("the journal", () => {
  it("merges what comes together into one commit and one ring", async () => {
    const { made, commits, rings } = journal();
    made.add([row(1)], false);
    made.add([row(3)], false);
    await made.flush();
    for (const n of [5, 7]) {
      made.add([row(n)], false);
      void made.flush();
    }
    await made.flush();
    assert.deepEqual(
      commits.map(({ change }) => numbers(change)),
      [
        [1, 3],
        [5, 7],
      ],
    );
    assert.equal(rings(), 2);
  });

  it("leaves the file alone for a moment between commits when many follow each other", async () => {
    const { made, commits } = journal();
    for (let n = 1; n < 40; n += 2) {
      made.add([row(n)], false);
      await made.flush();
    }
    assert.equal(commits.length, 20);
    assert.ok((commits.at(-1)?.at ?? 0) - (commits[0]?.at ?? 0) >= 15);
  });

  it("writes progress at most ten times a second, the last one always", async () => {
    const { made, commits } = journal();
    for (let version = 1; version <= 50; version++) {
      made.progress(progress(version));
      await soon(5);
    }
    await soon(150);
    assert.ok(commits.length >= 3 && commits.length <= 5, `${commits.length} writes`);
    assert.deepEqual(JSON.parse(commits.at(-1)?.change.state?.progress ?? ""), progress(50));
  });

  it("takes the progress away with the end of the turn, in the same commit, and writes none after it", async () => {
    const { made, commits } = journal();
    made.progress(progress(1));
    await soon(10);
    made.progress(progress(2));
    made.add([row(1)], true);
    await made.flush();
    await soon(150);
    assert.deepEqual(
      commits.map(({ change }) => change.state?.progress === null),
      [false, true],
    );
    assert.deepEqual(numbers(commits[1]?.change), [1]);
  });

  it("takes away the progress that an earlier runner left, with its first commit", async () => {
    const { made, commits } = journal();
    made.add([row(1)], false);
    await made.flush();
    made.add([row(3)], false);
    await made.flush();
    assert.deepEqual(
      commits.map(({ change }) => change.state),
      [{ progress: null }, undefined],
    );
  });

  it("removes taken rows with a commit that is made anyway, and by itself only when they are many", async () => {
    const { made, commits } = journal(5);
    made.add([row(7)], false);
    await made.flush();
    assert.deepEqual(commits[0]?.change.remove, { upTo: 5 });
    made.taken(7);
    await soon(10);
    assert.equal(commits.length, 1);
    made.add([row(9, 300_000)], false);
    await made.flush();
    assert.deepEqual(commits[1]?.change.remove, { upTo: 7 });
    made.taken(9);
    await soon(10);
    assert.deepEqual(commits[2]?.change, { put: [], remove: { upTo: 9 } });
  });

  it("lets nothing begin whose intent could not be written, and says so once", async () => {
    const { made, failures, breakDown } = journal();
    breakDown();
    made.add([row(1)], false);
    let began = false;
    void made.flush().then(() => {
      began = true;
    });
    await soon(20);
    void made.flush().then(() => {
      began = true;
    });
    await soon(20);
    assert.equal(began, false);
    assert.equal(failures.length, 1);
  });
});
