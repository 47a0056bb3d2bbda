import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkImports } from "./check-imports.ts";

function project(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "nanoclaw-imports-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries({ "tsconfig.json": "{}", ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const leaf = "export const value = 1;\n";
const importing = (...names: string[]) =>
  names.map((name, index) => `export { value as v${index} } from "${name}";\n`).join("");

test("imports down the house are right", async (t) => {
  const root = project(t, {
    "src/main.ts": importing("./store/a.ts"),
    "src/store/a.ts": importing("../lib/b.ts", "../../protocol/c.ts"),
    "src/lib/b.ts": leaf,
    "protocol/c.ts": leaf,
  });
  assert.deepEqual(await checkImports(root, ["src", "protocol"]), { modules: 2, violations: [] });
});

test("a provider knows the runner by its contract", async (t) => {
  const provider = (...names: string[]) => ({ "container/providers/a/index.ts": importing("./own.ts", ...names) });
  const others = {
    "container/providers/a/own.ts": leaf,
    "container/runner/providers/provider.ts": leaf,
    "container/runner/turns.ts": leaf,
  };
  const contract = "../../runner/providers/provider.ts";
  const right = project(t, { ...provider(contract), ...others });
  assert.deepEqual((await checkImports(right, ["container"])).violations, []);
  const wrong = project(t, { ...provider(contract, "../../runner/turns.ts"), ...others });
  const { violations } = await checkImports(wrong, ["container"]);
  assert.deepEqual(violations.length, 1, violations.join("; "));
  const back = { "container/runner/app.ts": importing("../providers/a/own.ts"), ...others };
  assert.match((await checkImports(project(t, back), ["container"])).violations[0] ?? "", /^container\/runner may/);
});

test("a skill knows the contract it stands behind, and no other skill", async (t) => {
  const others = {
    "src/channels/channel.ts": leaf,
    "src/channels/terminal.ts": leaf,
    "src/lib/errors.ts": leaf,
    "packages/p/index.ts": leaf,
    "skills/b/b.ts": leaf,
    "skills/a/own.ts": leaf,
  };
  const skill = (...names: string[]) => ({ "skills/a/channel.ts": importing("./own.ts", ...names), ...others });
  const right = project(
    t,
    skill("../../src/channels/channel.ts", "../../src/lib/errors.ts", "../../packages/p/index.ts"),
  );
  assert.deepEqual((await checkImports(right, ["src", "skills"])).violations, []);
  const wrong = project(t, skill("../../src/channels/terminal.ts", "../b/b.ts"));
  const { violations } = await checkImports(wrong, ["src", "skills"]);
  assert.equal(violations.filter((line) => line.startsWith("skills may import only")).length, 2, violations.join("; "));
  const back = project(t, { "src/channels/registry.ts": importing("../../skills/a/own.ts"), ...others });
  assert.match((await checkImports(back, ["src", "skills"])).violations[0] ?? "", /^src may import only/);
});

test("each way to break the house is found", async (t) => {
  const wrong: Record<string, [file: string, imports: string, extra: string]> = {
    "store imports what is above it": ["src/store/a.ts", "../http/x.ts", "src/http/x.ts"],
    "protocol may import only": ["protocol/a.ts", "../src/lib/x.ts", "src/lib/x.ts"],
    "practice may import only": ["practice/a.ts", "../protocol/x.ts", "protocol/x.ts"],
    "src may import only": ["src/http/a.ts", "../../practice/x.ts", "practice/x.ts"],
    "container/runner may import only": ["container/runner/a.ts", "../../src/lib/x.ts", "src/lib/x.ts"],
    "container/providers may import only": ["container/providers/a/a.ts", "../b/x.ts", "container/providers/b/x.ts"],
    "cli may import only": ["cli/a.ts", "../src/control/effects.ts", "src/control/effects.ts"],
    "api may import only": ["api/a.ts", "../src/lib/x.ts", "src/lib/x.ts"],
    "packages may import only": ["packages/a/a.ts", "../b/x.ts", "packages/b/x.ts"],
    "drivers may import only": ["drivers/a/a.ts", "../b/x.ts", "drivers/b/x.ts"],
    "a part of src that LAYERS does not know": ["src/attic/a.ts", "../lib/x.ts", "src/lib/x.ts"],
    "imports that lead nowhere": ["src/lib/a.ts", "./absent.ts", "src/lib/x.ts"],
  };
  for (const [rule, [file, imports, extra]] of Object.entries(wrong)) {
    const root = project(t, { [file]: importing(imports), [extra]: leaf });
    const { violations } = await checkImports(
      root,
      ["src", "api", "packages", "drivers", "protocol", "practice", "container", "cli"].filter((folder) =>
        [file, extra].some((name) => name.startsWith(folder)),
      ),
    );
    assert.ok(
      violations.some((line) => line.startsWith(rule)),
      `${rule}: ${violations.join("; ")}`,
    );
  }
});

test("a circle is found", async (t) => {
  const root = project(t, { "src/lib/a.ts": importing("./b.ts"), "src/lib/b.ts": importing("./a.ts") });
  assert.match((await checkImports(root, ["src"])).violations[0] ?? "", /^no cycles/);
});
