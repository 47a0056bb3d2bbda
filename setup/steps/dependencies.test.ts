import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { distributionOf } from "../packages.ts";
import { wantedPackages } from "./dependencies.ts";

test("packages are wanted anew when the lockfile or a package file changes, and only then", () => {
  const root = mkdtempSync(join(tmpdir(), "nanoclaw-deps-"));
  const empty = wantedPackages(root);
  writeFileSync(join(root, "README.md"), "changed");
  assert.equal(wantedPackages(root), empty);
  writeFileSync(join(root, "pnpm-lock.yaml"), "a: 1");
  const locked = wantedPackages(root);
  assert.notEqual(locked, empty);
  writeFileSync(join(root, "package.json"), "{}");
  const before = wantedPackages(root);
  assert.notEqual(before, locked);
  mkdirSync(join(root, "container/providers/new"), { recursive: true });
  writeFileSync(join(root, "container/providers/new/package.json"), "{}");
  const provider = wantedPackages(root);
  assert.notEqual(provider, before);
  mkdirSync(join(root, "skills/new"), { recursive: true });
  writeFileSync(join(root, "skills/new/package.json"), "{}");
  assert.notEqual(wantedPackages(root), provider);
});

test("a distribution is known by its own id and those it is like", () => {
  assert.deepEqual(distributionOf('NAME="Ubuntu"\nID=ubuntu\nID_LIKE="debian"\n'), ["ubuntu", "debian"]);
  assert.deepEqual(distributionOf("ID=debian\nVERSION_ID=12"), ["debian"]);
  assert.deepEqual(distributionOf(""), []);
});
