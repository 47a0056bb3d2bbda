/** The Docker driver passes the conformance suite on the runtimes that this engine has; gVisor in its short form but for NANOCLAW_FULL=1. */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { after, test } from "node:test";
import { DockerDriver } from "../../drivers/docker/driver.ts";
import { inside } from "../../protocol/layout.ts";
import { sandboxConformance } from "../support/sandbox/conformance.ts";
import { docker, IMAGE, openBox } from "./sandbox-box.ts";

const { runtimes } = await new DockerDriver().check();
const pairs = (labels: Record<string, string>) => Object.entries(labels).map(([name, value]) => `${name}=${value}`);

for (const runtime of ["runc", "runsc"].filter((name) => runtimes.includes(name))) {
  await sandboxConformance(
    `Docker with ${runtime}`,
    {
      image: IMAGE,
      runtime,
      driver: () => new DockerDriver(),
      all: (labels) => {
        const filters = pairs(labels).flatMap((label) => ["--filter", `label=${label}`]);
        return docker("ps", "-aq", "--no-trunc", ...filters)
          .split("\n")
          .filter(Boolean);
      },
      remove: (id) => void docker("rm", "-f", id),
      leaveEnded: (labels, name) =>
        docker("create", "--name", name, ...pairs(labels).flatMap((label) => ["--label", label]), IMAGE, "true"),
      outputKept: (id) => {
        const log = docker("inspect", "--format", "{{.LogPath}}", id);
        return existsSync(log) ? statSync(log).size : 0;
      },
    },
    runtime === "runsc" && process.env.NANOCLAW_FULL !== "1",
  );
}

test("the image has every place of the layout, its tools, and no set-uid program", async () => {
  const box = openBox(null);
  after(() => box.close());
  const places = Object.values(inside).filter((path) => typeof path === "string" && !WRITTEN_LATER.includes(path));
  const { stderr, code } = await box.run(
    `for p in ${places.join(" ")}; do [ -e $p ] || echo MISSING $p >&2; done
    find / -xdev -type f -perm /6000 2>/dev/null >&2
    bun --version >/dev/null && rg --version >/dev/null && jq --version >/dev/null || echo TOOLS >&2
    cd /tmp && git init -q r && cd r && echo a > a && git add a && git commit -qm one || echo GIT >&2
    [ "$(TZ=Europe/Berlin date -d @0 +%H)" = 01 ] || echo ZONES >&2
    cd /app/protocol && bun -e 'await import("zod"); await import("@anthropic-ai/claude-agent-sdk"); await import("/app/protocol/rows.ts")'`,
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
});

/** What the host writes into those places before a session starts. */
const WRITTEN_LATER: string[] = [
  ...[inside.socket, inside.config, inside.instructions, inside.runnerMain, inside.ownAuthority, inside.authorities],
];
