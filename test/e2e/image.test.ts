/** The agent's image itself: what it says of its contents, and that the same inputs make the same one. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { IMAGE } from "./sandbox-box.ts";

const inImage = (script: string) =>
  execFileSync("docker", ["run", "--rm", "--network", "none", "--user", "0", IMAGE, "sh", "-c", script], {
    encoding: "utf8",
  }).trim();

test("the image says what it holds, and nothing in it tells when it was built", () => {
  // What the engine puts there at the start of a container is none of the image.
  const own = ["/proc", "/sys", "/dev", "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
  const script = [
    "cat /usr/share/nanoclaw/contents.json",
    "dpkg-query -W",
    `find / -xdev \\( -path ${own.join(" -o -path ")} \\) -prune -o -type f -newermt '2026-01-01 00:00:01' -print`,
    "ls -A /var/log /var/cache/apt | grep -v :",
    "find / -xdev -type f -perm /6000",
    // Last, since they write what they have compiled to /tmp.
    "node --version; bun --version; npm --version",
  ].join("; echo ===; ");
  const [contents, debian, ...rest] = inImage(script)
    .split(/^===$/m)
    .map((part) => part.trim());
  const { debian: listed, modules, tools } = JSON.parse(contents ?? "");
  const installed = (debian ?? "").split("\n").map((line) => line.replace(/(:\w+)?\t/, " "));
  assert.ok(installed.length > 100);
  assert.deepEqual(
    Object.entries(listed)
      .map((one) => one.join(" "))
      .sort(),
    installed.sort(),
  );
  const npm = modules.find((one: string) => one.startsWith("npm@"));
  assert.equal(rest.pop(), `v${tools.node}\n${tools.bun}\n${npm.slice(4)}`);
  assert.deepEqual(rest, ["", "", ""], "newer files, logs and caches, set-uid programs");
});

const full = process.env.NANOCLAW_FULL !== "1" && "takes more than a minute: full runs only";
test("built once more from the same inputs, its root file system is the same to the byte", { skip: full }, () => {
  const script = resolve(import.meta.dirname, "../../container/build.sh");
  const { stdout, stderr, status } = spawnSync("bash", [script, "--digest"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const there = execFileSync("docker", ["image", "inspect", "--format", "{{index .RootFS.Layers 0}}", IMAGE], {
    encoding: "utf8",
  });
  assert.equal(/^digest: (sha256:[0-9a-f]{64})$/m.exec(stdout)?.[1], there.trim());
});
