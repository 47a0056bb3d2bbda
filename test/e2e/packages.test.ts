/**
 * Packages in an agent's image, with a real host, a real engine and real package managers; what they fetch comes from
 * this machine. A turn that runs while its agent's image changes ends as it began.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pause, TestHost } from "../support/host.ts";
import { obedient, startScriptedModel } from "../support/model.ts";
import { Registries } from "../support/registries.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A repository as apt knows it, with one package that brings the program `small-deb`. */
function makeRepository(folder: string): void {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "DEBIAN"), { recursive: true });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  const control =
    "Package: small\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <test@example.org>\nDescription: small\n";
  writeFileSync(join(tree, "DEBIAN/control"), control);
  // It runs in the container, as its root and without a network.
  const script =
    "#!/bin/sh\nset -e\ntest ! -e /sys/class/net/eth0\necho set up > /usr/share/small\nchmod u+s /usr/bin/small-deb\n";
  writeFileSync(join(tree, "DEBIAN/postinst"), script, { mode: 0o755 });
  writeFileSync(join(tree, "usr/bin/small-deb"), "#!/bin/sh\necho small-deb ran, $(cat /usr/share/small)\n");
  chmodSync(join(tree, "usr/bin/small-deb"), 0o755);
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, join(folder, "small.deb")], { stdio: "pipe" });
  const sum = (data: Buffer) => createHash("sha256").update(data).digest("hex");
  const deb = readFileSync(join(folder, "small.deb"));
  const packages = Buffer.from(`${control}Filename: ./small.deb\nSize: ${deb.length}\nSHA256: ${sum(deb)}\n\n`);
  writeFileSync(join(folder, "Packages"), packages);
  const date = new Date().toUTCString().replace("GMT", "UTC");
  writeFileSync(join(folder, "Release"), `Date: ${date}\nSHA256:\n ${sum(packages)} ${packages.length} Packages\n`);
}

async function given(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "packages-"));
  t.after(() => rmSync(folder, { recursive: true }));
  makeRepository(folder);
  const debian = await serve(t, ({ url = "" }, response) => {
    const file = join(folder, url.replace(/^\/\.\//, "/"));
    if (/^\/(\.\/)?(Release|Packages|small\.deb)$/.test(url) && existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  const registries = new Registries();
  t.after(() => registries.close());
  const npm = await serve(t, registries.npm("", "http"));
  const sources = join(folder, "sources.list");
  writeFileSync(sources, `deb [trusted=yes] ${debian} ./\n`);
  const model = await startScriptedModel({ script: obedient });
  t.after(() => model.close());
  const host = await TestHost.start(t, { env: { NANOCLAW_APT_SOURCES: sources, npm_config_registry: `${npm}/` } });
  t.after(() => {
    const filter = `label=nanoclaw.layer=${host.paths.installation}`;
    const images = execFileSync("docker", ["image", "ls", "-q", "--filter", filter], { encoding: "utf8" }).split("\n");
    host.removeContainers();
    if (images[0]) execFileSync("docker", ["image", "rm", "-f", ...images.filter(Boolean)], { stdio: "pipe" });
  });
  await host.initWithModel(model);
  const status = () => host.call("packages.status", { folder: "main" });
  const built = async () => {
    for (;;) {
      const now = await status();
      if (now.state !== "building") return now;
      await pause(200);
    }
  };
  const run = (command: string) => host.ask(`run: ${command}<<<`, "main", 120_000).then(({ text }) => text);
  return { host, status, built, run, workspace: join(host.paths.groups, "main", "workspace") };
}

test("packages come into an agent's next container, and the turn that runs meanwhile ends in its own", async (t) => {
  const { host, status, built, run, workspace } = await given(t);
  const plain = (await status()).image;
  const asked = await host.say("run: touch began; until [ -e go ]; do sleep 0.2; done; small-deb || echo not there<<<");
  while (!existsSync(join(workspace, "began"))) await pause(100);
  const [old] = host.containers();
  const added = await host.call("packages.add", { folder: "main", packages: ["apt:small", "npm:small@1.0.0"] });
  assert.deepEqual([added.applied, added.added], [true, ["apt:small", "npm:small@1.0.0"]]);
  const now = await built();
  assert.deepEqual([now.state, now.trouble], ["ready", ""]);
  assert.notEqual(now.image, plain);
  assert.deepEqual(host.containers(), [old], "the turn runs on");
  writeFileSync(join(workspace, "go"), "");
  assert.match((await host.answer(asked, "main", 120_000)).text, /not there/);
  while (host.containers().includes(old ?? "")) await pause(100);

  assert.match(
    await run("small-deb; readlink /usr/local/bin/small-npm; cat /usr/share/nanoclaw/added"),
    /small-deb ran, set up/,
  );
  const seen = await run(
    "small-npm; cat /usr/share/nanoclaw/added; find / -xdev -type f -perm /6000 2>/dev/null | wc -l; ls /add",
  );
  assert.match(seen, /small-npm ran/);
  assert.match(seen, /apt small 1\.0\s+npm small 1\.0\.0\s+0\s/, "nothing is set-uid, whatever a package's script did");
  assert.match(seen, /cannot access '\/add'/);

  const failing = await host.call("packages.add", { folder: "main", packages: ["apt:no-such-thing"] });
  assert.equal(failing.applied, true);
  const failed = await built();
  assert.deepEqual([failed.state, failed.image], ["failed", now.image]);
  assert.match(failed.trouble, /no-such-thing/);
  await host.follow((all) => all.some(({ text }) => /could not be put into its image.*no-such-thing/s.test(text)));
  await host.call("packages.remove", { folder: "main", packages: ["apt:no-such-thing"] });
  const again = await built();
  assert.deepEqual([again.state, again.image], ["ready", now.image], "the same list has the same image");
});
