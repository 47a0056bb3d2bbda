import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { MAX_FILE_BYTES } from "../../protocol/session-socket.ts";
import { Misuse, Rejected } from "../../src/lib/errors.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { InboxRow, IncomingFile } from "../../src/store/inbox.ts";
import { countingRandom, world } from "../../test/support/world.ts";
import { DiskFiles } from "./files.ts";

async function* bytes(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function* endless(upTo: number) {
  for (let size = 0; size <= upTo; size += 1_000_000) yield Buffer.alloc(1_000_000);
}

function given(t: TestContext, fetch: (ref: string) => Promise<AsyncIterable<Uint8Array>> = async (ref) => bytes(ref)) {
  const dir = mkdtempSync(join(tmpdir(), "files-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { session, clock } = world();
  const folder = sessionFolder(dir, session);
  const fetched: string[] = [];
  const files = new DiskFiles({
    ...{ clock, random: countingRandom() },
    fetch: (channel, ref) => {
      fetched.push(`${channel}:${ref}`);
      return fetch(ref);
    },
  });
  const file = (change: Partial<IncomingFile> = {}): IncomingFile => ({
    ...{ name: "a.txt", type: "text/plain", size: null, ref: "r1" },
    ...change,
  });
  const row = (incoming: IncomingFile[], number = 2) =>
    ({ number, channel: "test", files: incoming }) as unknown as InboxRow;
  const whole = async (message: InboxRow) => {
    const known = files.of(session, folder, message, () => {});
    if (known) return known;
    return new Promise<NonNullable<ReturnType<typeof files.of>>>((resolve) => {
      const look = () => {
        const now = files.of(session, folder, message, () => {});
        if (now) resolve(now);
        else setTimeout(look, 1);
      };
      look();
    });
  };
  /** Where the agent's path is on this side. */
  const hostPath = (path: string | null) => join(folder.inDir, "attachments", ...(path ?? "").split("/").slice(-2));
  return { files, session, folder, clock, fetched, file, row, whole, hostPath };
}

test("files are fetched once, in order, and told with where the agent finds them; who waits is called", async (t) => {
  const { files, session, folder, file, row, fetched, hostPath } = given(t);
  const message = row([file(), file({ name: "../../etc/passwd", ref: "r2" })]);
  await new Promise<void>((resolve) => {
    assert.equal(files.of(session, folder, message, resolve), null);
    assert.equal(files.of(session, folder, message, assert.fail), null);
  });
  const told = files.of(session, folder, message, assert.fail) ?? assert.fail();
  assert.deepEqual(
    told.map(({ name, note }) => [name, note]),
    [
      ["a.txt", ""],
      ["../../etc/passwd", ""],
    ],
  );
  assert.deepEqual(fetched, ["test:r1", "test:r2"]);
  for (const [index, { path }] of told.entries()) {
    assert.match(path ?? "", /\/attachments\/2\/[^/]+$/);
    assert.equal(readFileSync(hostPath(path), "utf8"), `r${index + 1}`);
    assert.equal(statSync(hostPath(path)).mode & 0o777, 0o644);
  }
});

test("a file that does not come says why, and the others come", async (t) => {
  const { file, row, whole, folder } = given(t, async (ref) => {
    if (ref === "gone") throw new Rejected("the file is too old");
    if (ref === "large") return endless(MAX_FILE_BYTES);
    return ref === "cut" ? cut() : bytes(ref);
  });
  async function* cut() {
    yield Buffer.from("half");
    throw new Error("socket closed");
  }
  const told = await whole(
    row([
      file({ ref: "gone" }),
      file({ ref: "cut" }),
      file({ size: MAX_FILE_BYTES + 1 }),
      file({ ref: "large" }),
      file(),
    ]),
  );
  assert.deepEqual(
    told.map(({ path, note }) => [path !== null, note]),
    [
      [false, "the file is too old"],
      [false, "socket closed"],
      [false, "it is larger than 50 MB, the most that is taken"],
      [false, "it is larger than 50 MB, the most that is taken"],
      [true, ""],
    ],
  );
  // Nothing half stays behind.
  assert.deepEqual(readdirSync(join(folder.inDir, "attachments", "2")), ["5-a.txt"]);
});

test("a file that takes too long is given up, and the message goes on without it", async (t) => {
  const { file, row, whole, clock } = given(t, () => new Promise(() => {}));
  const waiting = whole(row([file()]));
  clock.advance(60_000);
  assert.match((await waiting)[0]?.note ?? "", /in time/);
});

test("files of all messages that a mailbox may hold at once stay where the agent was told they are", async (t) => {
  const { file, row, whole, hostPath } = given(t);
  const paths: (string | null)[] = [];
  for (let number = 2; number <= 400; number += 2) {
    const [told] = await whole(row([file()], number));
    paths.push(told?.path ?? null);
  }
  assert.deepEqual(
    paths.filter((path) => !existsSync(hostPath(path))),
    [],
  );
});

test("property: any name becomes a file that is there, beneath its folder, and is found again by its id", async (t) => {
  const { files, folder, file, row, whole, hostPath } = given(t);
  let number = 0;
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ unit: "grapheme", minLength: 100, maxLength: 200 }),
    fc.constantFrom(
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "a\\b",
      "\0",
      "字".repeat(200),
      "👩‍👩‍👧‍👦".repeat(25),
      `${"x".repeat(150)}.pdf`,
    ),
  );
  await fc.assert(
    fc.asyncProperty(name, async (given) => {
      number += 2;
      const [told] = await whole(row([file({ name: given.slice(0, 300) })], number));
      assert.equal(told?.note, "");
      assert.ok(existsSync(hostPath(told?.path ?? null)));
      assert.equal((told?.path ?? "").isWellFormed(), true);
      const id = await files.take(folder, given, bytes("x"));
      const sent = files.sent(folder, id);
      assert.equal(join(folder.sentDir, basename(sent.path)), sent.path);
      assert.equal(readFileSync(sent.path, "utf8"), "x");
      assert.ok(sent.name.length > 0 && !sent.name.startsWith("."));
    }),
    { numRuns: 60 },
  );
});

test("what an agent hands over is found by its id and by nothing else", async (t) => {
  const { files, folder } = given(t);
  const id = await files.take(folder, "report.pdf", bytes("a", "b"));
  assert.deepEqual(files.sent(folder, id), { path: join(folder.sentDir, id), name: "report.pdf" });
  for (const other of ["", "..", `../sent/${id}`, `x${id}`, "../in/inbound.db", "\0"])
    assert.throws(() => files.sent(folder, other), Misuse, other);
});

test("the same file under the same name has the same id; another content or name has another", async (t) => {
  const { files, folder } = given(t);
  const id = await files.take(folder, "report.pdf", bytes("a", "b"));
  assert.equal(await files.take(folder, "report.pdf", bytes("ab")), id);
  assert.notEqual(await files.take(folder, "report.pdf", bytes("ac")), id);
  assert.notEqual(await files.take(folder, "other.pdf", bytes("ab")), id);
  assert.equal(readdirSync(folder.sentDir).length, 3);
});

test("one that is too large, or breaks off, leaves nothing behind", async (t) => {
  const { files, folder } = given(t);
  await assert.rejects(files.take(folder, "large", endless(MAX_FILE_BYTES)), Misuse);
  assert.deepEqual(readdirSync(folder.sentDir), []);
});

test("of what an agent hands over the latest stay", async (t) => {
  const { files, folder } = given(t);
  const ids: string[] = [];
  for (let n = 0; n < 505; n++) {
    const id = await files.take(folder, "x", bytes(`x${n}`));
    utimesSync(join(folder.sentDir, id), n, n);
    ids.push(id);
  }
  const last = await files.take(folder, "x", bytes("x"));
  assert.deepEqual(readdirSync(folder.sentDir).sort(), [...ids.slice(-499), last].sort());
});
