import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { decodeMailbox } from "./decode.ts";
import { readSnapshot } from "./snapshot.ts";
import { MailboxWriter } from "./writer.ts";

let dir = "";
let db = "";
let journal = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nanoclaw-mailbox-"));
  db = join(dir, "m.db");
  journal = `${db}-journal`;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const look = () => readSnapshot(db, journal);
const make = () => MailboxWriter.open(db).close();

describe("mailbox snapshot", () => {
  test("no file, an empty one, and one without tables yet are absent mailboxes", () => {
    assert.deepEqual(look(), { status: "absent" });
    writeFileSync(db, "");
    assert.deepEqual(look(), { status: "absent" });
    make();
    truncateSync(db, 0);
    assert.deepEqual(look(), { status: "absent" });
  });

  test("it is taken while the writer has the file open, and without a journal", () => {
    const writer = MailboxWriter.open(db);
    assert.equal(look().status, "ok");
    writer.close();
    rmSync(journal);
    assert.equal(look().status, "ok");
  });

  test("a hot journal makes it busy, whatever the file holds", () => {
    make();
    writeFileSync(journal, Buffer.from([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 1]));
    assert.deepEqual(look(), { status: "busy", why: "its journal is hot" });
    writeFileSync(journal, Buffer.alloc(512));
    assert.equal(look().status, "ok");
  });

  test("a whole commit during the copy is noticed", async () => {
    // In memory, where a commit takes less time than the copy of a large file; its first and last row change together.
    const fast = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : dir, "nanoclaw-mailbox-"));
    const path = join(fast, "m.db");
    const code = `
      import { MailboxWriter } from ${JSON.stringify(join(import.meta.dirname, "writer.ts"))};
      const writer = MailboxWriter.open(${JSON.stringify(path)});
      const row = (n, text) => ({ n, body: { kind: "note", text } });
      const padding = [2, 3, 4, 5].map((n) => row(n, "x".repeat(900_000)));
      writer.commit({ put: [row(1, "0"), ...padding, row(6, "0")] });
      console.log("written");
      for (let turn = 1; ; turn += 1) {
        writer.commit({ put: [row(1, String(turn)), row(6, String(turn))] });
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 3);
      }`;
    const writer = spawn(process.execPath, ["--input-type=module", "--eval", code]);
    await once(writer.stdout, "data");
    const found = new Set<string>();
    let moved = 0;
    try {
      for (const end = performance.now() + 2_000; performance.now() < end; ) {
        const snapshot = readSnapshot(path, `${path}-journal`);
        if (snapshot.status === "busy" && /changed/.test(snapshot.why)) moved += 1;
        if (snapshot.status !== "ok") continue;
        const texts = [0, 5].map((after) => JSON.stringify(decodeMailbox(snapshot.bytes, after, 1).rows[0]?.body));
        assert.equal(texts[0], texts[1]);
        found.add(texts[0] ?? "");
      }
    } finally {
      writer.kill("SIGKILL");
      rmSync(fast, { recursive: true, force: true });
    }
    assert.ok(found.size > 10 && moved > 0, `${found.size} different snapshots, ${moved} that changed`);
  });

  test("links are not followed, for the database or the journal", () => {
    make();
    symlinkSync(db, join(dir, "link.db"));
    symlinkSync("/nowhere", join(dir, "link.db-journal"));
    assert.deepEqual(readSnapshot(join(dir, "link.db"), journal), {
      status: "invalid",
      why: "it could not be read: ELOOP",
    });
    assert.deepEqual(readSnapshot(db, join(dir, "link.db-journal")), {
      status: "invalid",
      why: "it could not be read: ELOOP",
    });
  });

  test("a FIFO or a device is refused without waiting for it", () => {
    const refusal = { status: "invalid", why: "it is not a regular file" };
    assert.deepEqual(readSnapshot("/dev/zero", journal), refusal);
    make();
    rmSync(journal);
    execFileSync("mkfifo", [journal]);
    assert.deepEqual(look(), refusal);
    rmSync(db);
    execFileSync("mkfifo", [db]);
    assert.deepEqual(look(), refusal);
  });

  test("a tail that the writer has not cut yet is left out", () => {
    make();
    const before = look();
    truncateSync(db, 400_000);
    assert.deepEqual(look(), before);
  });

  test("a file above the limit is refused unread, a sparse one too", () => {
    make();
    truncateSync(db, 2 ** 32);
    assert.deepEqual(look(), { status: "invalid", why: "it has 4294967296 bytes, more than 4194304" });
  });
});
