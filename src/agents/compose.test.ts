import assert from "node:assert/strict";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { countingRandom, world } from "../../test/support/world.ts";
import { composeInstructions, readMcpServers } from "./compose.ts";
import { createAgentGroup } from "./groups.ts";

const folder = () => mkdtempSync(join(tmpdir(), "group-"));

test("instructions are the shared base, then the group's own, then its local ones", () => {
  const dir = folder();
  writeFileSync(join(dir, "CLAUDE.md"), "Be brief.\n");
  writeFileSync(join(dir, "CLAUDE.local.md"), "I live in Bremen.\n");
  const text = composeInstructions(dir, "Nano");
  assert.match(text, /^You are Nano,/);
  assert.ok(text.indexOf("Be brief.") < text.indexOf("I live in Bremen."));
});

test("missing files count as empty; a wrong .mcp.json is said as such", () => {
  const dir = folder();
  assert.match(composeInstructions(dir, "Nano"), /^You are Nano,/);
  assert.deepEqual(readMcpServers(dir), {});
  writeFileSync(join(dir, ".mcp.json"), '{"mcpServers": {"time": {"command": "clock"}}}');
  assert.deepEqual(readMcpServers(dir), { time: { command: "clock" } });
  writeFileSync(join(dir, ".mcp.json"), '{"servers": []}');
  assert.throws(() => readMcpServers(dir), /\.mcp\.json is not valid/);
});

test("a new agent has a folder of its own, and one that is there keeps its instructions", () => {
  const { store, clock } = world();
  const groups = folder();
  const make = (name: string) =>
    createAgentGroup(
      store,
      groups,
      { folder: name, name: "Nano", provider: "null", model: null, runtime: null },
      countingRandom(),
      clock.now(),
    );
  const group = make("second");
  assert.equal(statSync(join(groups, "second", "workspace")).isDirectory(), true);
  assert.notEqual(group.uid, 0);
  assert.throws(() => make("second"), /exists already/);
  for (const bad of ["../up", "Upper", "", "a/b", "-x"]) assert.throws(() => make(bad), /can't be a group's folder/);
});
