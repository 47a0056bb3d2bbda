/**
 * What agents install with, in a real container: npm, pip and git, through the door, under rules made like those of the
 * bundles. The registries are on this machine, under the bundles' names with an end of their own.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { webServer } from "../../drivers/door/network/testing/network.ts";
import { openGateway, type TestSession } from "../../drivers/door/network/testing/process.ts";
import { bundles } from "../../parts/egress/bundles.ts";
import { egressRules } from "../../parts/egress/index.ts";
import { inside } from "../../protocol/layout.ts";
import type { EffectContext } from "../../src/control/execute.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Registries } from "../support/registries.ts";
import { AGENT, SESSION, world } from "../support/world.ts";
import { openBox, UID } from "./sandbox-box.ts";

const box = openBox(null);
const registries = new Registries();
const later: (() => unknown)[] = [];
const t = { after: (run: () => unknown) => void later.push(run) };
/** Where a bundle's host is on this machine. */
const ports = new Map<string, number>();
let door: TestSession;

const { store, audit, clock, approvals } = world();
const { egress, effects } = egressRules({
  ...{ store, audit, clock, approvals, log: silentLog },
  guard: { judge: () => ({ allow: true }), passed: () => {}, waive: () => {} },
  credentials: {
    list: () => [],
    wire: async () => ({ set: {}, query: {}, secret: "" }),
    placeholderOf: () => "",
    nameOf: () => null,
  },
  model: () => ({ host: "model.invalid", what: "", how: "", from: "" }),
});
const context: EffectContext = {
  ...{ actor: { kind: "operator" }, permit: () => {}, signal: new AbortController().signal },
  record: (_resource, change) => store.db.transaction(() => change(1)),
};

const hostOf = (bundle: string, path: string) =>
  bundles.find(({ name }) => name === bundle)?.rules.find(({ paths }) => paths.includes(path))?.hosts[0] ?? "";
const NPM = hostOf("npm", "/*");
const INDEX = hostOf("pypi", "/simple/**");
const WHEELS = hostOf("pypi", "/packages/**");
const GIT = hostOf("github-read", "/*/*/git-upload-pack");
const at = (host: string) => `https://${host}.test:${ports.get(host)}`;

/** What `ncl rules grant` does, for the bundle's hosts as they are here. */
async function grant(name: string): Promise<void> {
  for (const { hosts, methods, paths } of bundles.find((one) => one.name === name)?.rules ?? []) {
    for (const host of hosts.filter((one) => ports.has(one))) {
      const rule = { group: "main", host: `${host}.test`, port: ports.get(host) as number, trusted: true, acts: false };
      for (const path of paths)
        await effects["rules.allow"](
          { ...rule, method: methods.join(), path, scheme: "https", privateNetwork: true, dryRun: false },
          context,
        );
    }
  }
}

before(async () => {
  const serve = async (host: string, listener: RequestListener) =>
    ports.set(host, (await webServer(t as never, listener, { host: `${host}.test` })).port);
  await serve(NPM, registries.npm());
  await serve(WHEELS, registries.wheels());
  await serve(
    INDEX,
    registries.pythonIndex(() => at(WHEELS)),
  );
  await serve(GIT, registries.git());
  const session = { id: SESSION, agentGroup: AGENT, uid: UID };
  const gateway = await openGateway(t, {
    decide: (request) => egress.decide(session, request, new AbortController().signal),
  });
  door = await gateway.open("s-1", { dir: join(box.dir, "run"), uid: UID });
  for (const [name, text] of Object.entries(gateway.gateway.trust()))
    writeFileSync(join(box.dir, "config", name), text);
});
after(async () => {
  await door?.close();
  for (const run of later.reverse()) await run();
  box.close();
  registries.close();
});

/** Runs a script in the workspace, beside the relay, as a runner has it. @returns what it wrote, and how it ended */
async function run(script: string): Promise<string> {
  const relay = `import { startProxyRelay } from "${inside.runnerDir}/relay.ts"; await startProxyRelay("${inside.socket}", ${inside.proxyPort}); await Bun.write("/tmp/up", "");`;
  const setting = `export npm_config_registry=${at(NPM)}/ PIP_INDEX_URL=${at(INDEX)}/simple/`;
  const { stderr, code } = await box.run(`cd /tmp && bun -e '${relay}' & while [ ! -e /tmp/up ]; do sleep 0.05; done
exec 1>&2; cd ${inside.workspace}; ${setting}; ${script}`);
  return `${stderr}\nexit ${code}`;
}

/** The way to ask that a refusal names. */
const advice = (host: string) =>
  new RegExp(`NanoClaw refused GET.*ask the owner for .ncl rules allow main ${host.replaceAll(".", "\\.")}\\.test`);
const clone = () => `git clone -q ${at(GIT)}/some/repo.git there`;

describe("package managers in a container, through the door", () => {
  test("without a rule each is refused, and shows why and how to ask", async () => {
    const npm = await run("npm install small");
    assert.match(npm, /E?403/);
    assert.match(npm, advice(NPM));
    assert.match(npm, /exit 1$/);
    // Without -vv pip says no more than that there is nothing.
    assert.match(await run("pip -vv download small -d /tmp/there"), advice(INDEX));
    assert.match(await run(`${clone()} || exit 1`), advice(GIT));
  });
  test("npm: into a folder, and for everywhere", async () => {
    await grant("npm");
    const said = await run(
      "mkdir p && cd p && npm install small && node -e 'console.error(require(\"small\"))' && npx --no small-npm",
    );
    assert.match(said, /a small package[\s\S]*small-npm ran[\s\S]*exit 0$/);
    assert.match(await run("npm install --global small && small-npm"), /small-npm ran[\s\S]*exit 0$/);
    assert.match(await run("small-npm"), /small-npm ran[\s\S]*exit 0$/, "it is there in the next container");
  });
  test("pip: as a file, for everywhere, and in an environment of its own", async () => {
    await grant("pypi");
    assert.match(await run("pip download small -d /tmp/there && ls /tmp/there"), /small-1\.0\.0-py3-none-any\.whl\n/);
    const use = "python3 -c 'import small; print(small.TEXT)' && small-pip";
    assert.match(await run(`pip install small && ${use}`), /a small wheel[\s\S]*small-pip ran[\s\S]*exit 0$/);
    const apart = "python3 -m venv /tmp/env && . /tmp/env/bin/activate && pip install small && which small-pip";
    assert.match(await run(apart), /\/tmp\/env\/bin\/small-pip[\s\S]*exit 0$/);
  });
  test("git: a clone over HTTPS", async () => {
    await grant("github-read");
    assert.match(await run(`${clone()} && cat there/file`), /from the repository[\s\S]*exit 0$/);
  });
});
