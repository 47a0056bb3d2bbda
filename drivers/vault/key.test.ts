import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { SealedVault } from "./vault.ts";

const SECRETS = { one: "the first secret", two: "the second secret", three: "the third secret" };

/** A vault on disk with three secrets, its database closed. */
function given(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "key-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const database = join(dir, "v2.db");
  const keyFile = join(dir, "keys", "vault.key");
  const open = () => {
    const { db } = openStore(database);
    return { db, vault: new SealedVault(db, keyFile) };
  };
  const { db, vault } = open();
  vault.put("one", { kind: "api_key", secret: SECRETS.one }, 1);
  vault.put("two", { kind: "bearer", secret: "the-second-secret" }, 1, "TWO");
  vault.put("three", { kind: "basic", secret: SECRETS.three, user: "me" }, 1);
  db.close();
  return { dir, database, keyFile, open };
}

async function checkAll(vault: SealedVault): Promise<void> {
  assert.equal(vault.reveal("one")?.secret, SECRETS.one);
  assert.equal((await vault.wire("two")).secret, "the-second-secret");
  assert.equal((await vault.wire("three")).secret, SECRETS.three);
}

const rotate = (database: string, keyFile: string, step: number) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "testing", "rotate.ts"), database, keyFile, String(step)], {
    encoding: "utf8",
  });

test("a new key opens everything, the old one nothing any more, and no other file is left", async (t) => {
  const { keyFile, open } = given(t);
  const old = readFileSync(keyFile);
  const { db, vault } = open();
  const before = vault.placeholderOf("s-1", "one");
  assert.equal(
    vault.rotateKey((reseal) => db.transaction(reseal)),
    3,
  );
  await checkAll(vault);
  assert.notEqual(vault.placeholderOf("s-1", "one"), before);
  assert.deepEqual(readdirSync(dirname(keyFile)), ["vault.key"]);
  assert.notDeepEqual(readFileSync(keyFile), old);
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  db.close();
  await checkAll(open().vault);
  writeFileSync(keyFile, old);
  assert.throws(() => open().vault.reveal("one"), /does not fit.*sealed with another one/);
});

test("killed before each of its steps, a change of the key has happened whole or not at all", async (t) => {
  const { dir, database, keyFile, open } = given(t);
  const whole = { db: join(dir, "whole.db"), key: join(dir, "whole.key") };
  copyFileSync(database, whole.db);
  copyFileSync(keyFile, whole.key);
  const old = readFileSync(whole.key);
  let changed = 0;
  let kept = 0;
  for (let step = 1; ; step++) {
    for (const name of readdirSync(dir)) if (name.startsWith("v2.db")) rmSync(join(dir, name));
    rmSync(dirname(keyFile), { recursive: true });
    mkdirSync(dirname(keyFile));
    copyFileSync(whole.db, database);
    copyFileSync(whole.key, keyFile);
    const ended = rotate(database, keyFile, step);
    const { db, vault } = open();
    await checkAll(vault);
    assert.equal(existsSync(`${keyFile}.next`), false, `step ${step}: the next key is left`);
    if (readFileSync(keyFile).equals(old)) kept += 1;
    else changed += 1;
    // And it can be done again.
    assert.equal(
      vault.rotateKey((reseal) => db.transaction(reseal)),
      3,
    );
    await checkAll(vault);
    db.close();
    if (ended.signal === null) {
      assert.equal(ended.status, 0, ended.stderr);
      assert.equal(Number(ended.stdout), step - 1, "every step was reached");
      break;
    }
    assert.equal(ended.signal, "SIGKILL");
  }
  assert.ok(kept >= 5 && changed >= 2, `kept ${kept} times, changed ${changed} times`);
});

test("a change that can't be committed leaves the old key in force", async (t) => {
  const { keyFile, open } = given(t);
  const old = readFileSync(keyFile);
  const { db, vault } = open();
  const failing = () =>
    vault.rotateKey((reseal) =>
      db.transaction(() => {
        reseal();
        throw new Error("no room");
      }),
    );
  assert.throws(failing, /no room/);
  await checkAll(vault);
  assert.deepEqual(readFileSync(keyFile), old);
  assert.deepEqual(readdirSync(dirname(keyFile)), ["vault.key"]);
});

test("with one damaged row nothing is changed, and it is said which", async (t) => {
  const { keyFile, open } = given(t);
  const { db, vault } = open();
  db.exec("UPDATE credentials SET sealed=x'00' WHERE name='two'");
  const old = readFileSync(keyFile);
  assert.throws(() => vault.rotateKey((reseal) => db.transaction(reseal)), /credential "two" can't be opened/);
  assert.equal(vault.reveal("one")?.secret, SECRETS.one);
  assert.deepEqual(readFileSync(keyFile), old);
});

test("a key that can't be read or made is told with what to do, and nothing is sealed", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "key-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { db } = openStore(":memory:");
  const refused = (file: string, said: RegExp) =>
    assert.throws(
      () => new SealedVault(db, file).put("one", { kind: "api_key", secret: "x" }, 1),
      (error) => error instanceof Misuse && said.test(`${error.message}. ${error.hint}`),
    );
  writeFileSync(join(dir, "file"), "");
  refused(join(dir, "file", "vault.key"), /can't be read \(ENOTDIR\).*out of the way/);
  mkdirSync(join(dir, "vault.key"));
  refused(join(dir, "vault.key"), /can't be read \(EISDIR\).*out of the way/);
  mkdirSync(join(dir, "other.key.new"));
  refused(join(dir, "other.key"), /can't be written \(EISDIR\).*Then try again/);
  assert.deepEqual(db.all("SELECT 1 FROM credentials"), []);
});
