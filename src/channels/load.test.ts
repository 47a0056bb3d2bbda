import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Misuse } from "../lib/errors.ts";
import { channelLoader } from "./load.ts";

test("a channel is loaded from its package; what is not there, broken or another one says so and what to do", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "load-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [id, code] of [
    ["good", 'export const channel = { id: "good" };'],
    ["broken", 'import "a-package-that-is-not-installed";'],
    ["other", 'export const channel = { id: "good" };'],
    ["empty", "export {};"],
  ] as const) {
    mkdirSync(join(root, "skills", `add-${id}`), { recursive: true });
    writeFileSync(join(root, "skills", `add-${id}`, "channel.ts"), code);
  }
  const load = channelLoader(root);
  assert.equal((await load("good")).id, "good");
  for (const [id, why, hint] of [
    ["missing", /there is no channel "missing"/, /ncl skills list/],
    ["broken", /can't be loaded: .*not-installed/, /ncl skills add broken/],
    ["other", /exports no channel "other"/, /^$/],
    ["empty", /exports no channel "empty"/, /^$/],
  ] as const) {
    await assert.rejects(load(id), (error) => {
      assert.ok(error instanceof Misuse);
      assert.match(error.message, why);
      assert.match(error.hint, hint);
      return true;
    });
  }
});
