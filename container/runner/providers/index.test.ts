import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openProvider } from "./index.ts";
import type { ProviderEvent, ProviderOptions } from "./provider.ts";

const packages = mkdtempSync(join(tmpdir(), "providers-"));
after(() => rmSync(packages, { recursive: true }));

function provide(name: string, source: string): void {
  mkdirSync(join(packages, name));
  writeFileSync(join(packages, name, "index.ts"), source);
}

function open(name: string, events: ProviderEvent[] = []) {
  const options: ProviderOptions = {
    instructions: "",
    model: null,
    mcpServers: {},
    tools: [],
    continuation: null,
    relayUrl: "",
    workspace: packages,
    stateDir: packages,
    modelRetries: 0,
    emit: (event) => events.push(event),
  };
  return openProvider(name, options, packages);
}

test("a folder with an `open` is a provider, and speaks by the options that it was given", async () => {
  provide(
    "echo",
    `export const open = async ({ emit }) => ({
      send: ({ id }: { id: string }) => emit({ type: "taken", prompt: id }),
      interrupt() {},
      async close() {},
    });`,
  );
  const events: ProviderEvent[] = [];
  (await open("echo", events)).send({ id: "p1", text: "hello" });
  assert.deepEqual(events, [{ type: "taken", prompt: "p1" }]);
});

test("one that is not there is told with its folder, what there is and the way to get it", async () => {
  provide("first", "export const open = null;");
  await assert.rejects(open("absent"), (error: Error) => {
    for (const part of ['"absent"', "first", "container/providers/absent", "nanoclaw.sh"]) {
      assert.ok(error.message.includes(part), `${part}: ${error.message}`);
    }
    return true;
  });
});

test("one whose package is missing, and one without an `open`, are told as what they are", async () => {
  provide("bare", 'import "@nanoclaw/no-such-package";');
  await assert.rejects(open("bare"), /"bare" can't be loaded: .*no-such-package.*nanoclaw\.sh/);
  provide("shut", "export const shut = 1;");
  await assert.rejects(open("shut"), /"shut" exports no `open`/);
});

test("a name can't lead out of the folder", async () => {
  for (const name of ["", "..", "../runner", "a/b", "Claude", "a.b", "a".repeat(51), "a\n"]) {
    await assert.rejects(open(name), /can't be a provider's name/, name);
  }
});
