import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";

const project = resolve(import.meta.dirname, "..");
/** What the script itself needs of the system, and no more: no npm, no node. */
const COMMANDS = [
  "bash",
  "sh",
  "cat",
  "chmod",
  "curl",
  "cut",
  "dirname",
  "grep",
  "id",
  "ln",
  "mkdir",
  "mktemp",
  "mv",
  "rm",
  "sed",
  "sha512sum",
  "tar",
  "gzip",
  "uname",
];

/** A project folder with nothing but the script, and a PATH with nothing but COMMANDS and the Nodes given. */
function machine(t: TestContext, nodes: Record<string, string> = {}) {
  const root = mkdtempSync(join(tmpdir(), "nanoclaw sh-"));
  t.after(() => rmSync(root, { recursive: true }));
  cpSync(join(project, "nanoclaw.sh"), join(root, "nanoclaw.sh"));
  mkdirSync(join(root, "setup"));
  mkdirSync(join(root, "bin"));
  for (const name of COMMANDS) symlinkSync(`/usr/bin/${name}`, join(root, "bin", name));
  const path = [join(root, "bin")];
  for (const [folder, version] of Object.entries(nodes)) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, "node"), `#!/bin/sh\necho ${version}\n`);
    chmodSync(join(root, folder, "node"), 0o755);
    path.push(join(root, folder));
  }
  const sh = (script: string, env: NodeJS.ProcessEnv = {}) =>
    new Promise<{ code: number; out: string; err: string }>((done) => {
      const child = execFile(
        "/usr/bin/bash",
        ["-c", `source "$0/nanoclaw.sh"; ${script}`, root],
        { env: { PATH: path.join(":"), ...env } },
        (_error, out, err) => done({ code: child.exitCode ?? -1, out: out.trim(), err }),
      );
    });
  return { root, sh };
}

test("the first Node on PATH that is new enough is used; older ones and broken ones are passed over", async (t) => {
  const { root, sh } = machine(t, { old: "v20.20.2", broken: "", good: "v24.1.0", newer: "v26.0.0" });
  assert.equal((await sh("find_node")).out, join(root, "good/node"));
});

test("the Node chosen before is used first", async (t) => {
  const { root, sh } = machine(t, { ".tools/bin": "v24.2.0", good: "v26.1.0" });
  assert.equal((await sh("find_node")).out, join(root, ".tools/bin/node"));
});

test("with an old Node alone there is none", async (t) => {
  const { sh } = machine(t, { old: "v20.20.2" });
  assert.notEqual((await sh("find_node")).code, 0);
});

/** A registry with one package, `tool`, in which `bin/tool` says hello. */
async function registry(t: TestContext, root: string): Promise<{ url: string; sum: string; asked: string[] }> {
  const folder = join(root, "registry/package/bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "tool"), "hello");
  const archive = join(root, "registry/tool.tgz");
  await new Promise((done) => execFile("tar", ["-czf", archive, "-C", join(root, "registry"), "package"], done));
  const bytes = readFileSync(archive);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/npm/`, sum: createHash("sha512").update(bytes).digest("hex"), asked };
}

test("without npm a tool comes from the registry by curl, is checked, and is fetched once", async (t) => {
  const { root, sh } = machine(t);
  const { url, sum, asked } = await registry(t, root);
  writeFileSync(join(root, "setup/tools.lock"), `tool 1.2.3 ${sum}\n`);
  mkdirSync(join(root, ".tools"));
  for (let round = 0; round < 2; round++) {
    const { code, out } = await sh("fetch tool", { npm_config_registry: url });
    assert.deepEqual([code, out], [0, "tool-1.2.3"]);
  }
  assert.equal(readFileSync(join(root, ".tools/tool-1.2.3/bin/tool"), "utf8"), "hello");
  assert.deepEqual(asked, ["/npm/tool/-/tool-1.2.3.tgz"]);
});

test("a tool that is not the pinned one is refused and leaves nothing behind that would be used", async (t) => {
  const { root, sh } = machine(t);
  const { url } = await registry(t, root);
  writeFileSync(join(root, "setup/tools.lock"), `tool 1.2.3 ${"0".repeat(128)}\n`);
  mkdirSync(join(root, ".tools"));
  const { code, err } = await sh("fetch tool", { npm_config_registry: url });
  assert.equal(code, 1);
  assert.match(err, /not the pinned one/);
  assert.throws(() => readFileSync(join(root, ".tools/tool-1.2.3/bin/tool")));
});

test("a machine for which there is no ready-made Node is told so", async (t) => {
  const { root, sh } = machine(t);
  rmSync(join(root, "bin/uname"));
  writeFileSync(join(root, "bin/uname"), "#!/bin/sh\necho Plan9\n");
  chmodSync(join(root, "bin/uname"), 0o755);
  mkdirSync(join(root, ".tools"));
  const { code, err } = await sh("prepare_tools");
  assert.equal(code, 1);
  assert.match(err, /no ready-made Node for Plan9/);
  assert.match(err, /Next: Install Node 24/);
});
