import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { SealedVault } from "./vault.ts";

function vaultInTemp() {
  const keyFile = join(mkdtempSync(join(tmpdir(), "vault-")), "keys", "vault.key");
  const { db } = openStore(":memory:");
  return { db, keyFile, vault: new SealedVault(db, keyFile) };
}

test("a secret comes back, and neither the database nor the listing shows it", () => {
  const { db, vault, keyFile } = vaultInTemp();
  vault.put("model", { kind: "api_key", secret: "a secret word" }, 1);
  assert.deepEqual(vault.reveal("model"), { kind: "api_key", secret: "a secret word" });
  assert.equal(JSON.stringify(vault.list()).includes("secret word"), false);
  const stored = db.get<{ sealed: Uint8Array }>("SELECT sealed FROM credentials");
  assert.equal(Buffer.from(stored?.sealed ?? []).includes("secret word"), false);
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
});

test("a sealed value moved to another name, or changed, does not open", () => {
  const { db, vault } = vaultInTemp();
  vault.put("one", { kind: "api_key", secret: "first" }, 1);
  vault.put("two", { kind: "api_key", secret: "second" }, 1);
  db.exec("UPDATE credentials SET sealed=(SELECT sealed FROM credentials WHERE name='one') WHERE name='two'");
  assert.throws(() => vault.reveal("two"), Misuse);
  db.exec("UPDATE credentials SET sealed=x'00' WHERE name='one'");
  assert.throws(() => vault.reveal("one"), Misuse);
});

test("a missing or damaged key is said as such, and no new key hides the loss", () => {
  const { db, vault, keyFile } = vaultInTemp();
  vault.put("one", { kind: "api_key", secret: "first" }, 1);
  rmSync(keyFile);
  assert.throws(() => new SealedVault(db, keyFile).reveal("one"), /key .* is missing/);
  writeFileSync(keyFile, "short");
  assert.throws(() => new SealedVault(db, keyFile).reveal("one"), /damaged/);
});

test("an unknown name reveals nothing", () => {
  assert.equal(vaultInTemp().vault.reveal("none"), null);
});
