import assert from "node:assert/strict";
import { test } from "node:test";
import { configFileOf } from "./daemon.ts";
import { type EngineFacts, forbidden, planEngine, withGvisor } from "./plan.ts";

const bareDebian: EngineFacts = {
  platform: "linux",
  distribution: ["debian"],
  systemd: false,
  hasClient: false,
  hasDaemon: false,
  dockerHost: null,
  answer: { status: "silent", detail: "docker: not found" },
  hasGvisor: false,
  wantsGvisor: false,
};
const ready = (...runtimes: string[]) => ({ status: "ready" as const, version: "20.10", runtimes });
const plan = (facts: Partial<EngineFacts>) => planEngine({ ...bareDebian, ...facts });

test("an engine that answers is used as it is", () => {
  assert.deepEqual(plan({ answer: ready("runc") }), { do: "nothing", version: "20.10" });
});

test("on a bare Debian or Ubuntu, Docker is installed, then started by what the machine has", () => {
  assert.deepEqual(plan({}), { do: "install", packages: ["docker.io"] });
  assert.deepEqual(plan({ distribution: ["ubuntu", "debian"] }), { do: "install", packages: ["docker.io"] });
  const installed = { hasClient: true, hasDaemon: true };
  assert.deepEqual(plan(installed), { do: "start", with: "dockerd" });
  assert.deepEqual(plan({ ...installed, systemd: true }), { do: "start", with: "systemd" });
});

test("a client alone is not an engine", () => {
  assert.deepEqual(plan({ hasClient: true }), { do: "install", packages: ["docker.io"] });
});

test("an engine that refuses this user is opened to it, not installed again", () => {
  const facts = {
    hasClient: true,
    hasDaemon: true,
    answer: { status: "forbidden" as const, detail: "permission denied" },
  };
  assert.deepEqual(plan(facts), { do: "permit" });
});

test("elsewhere the person is told exactly what to install", () => {
  for (const [distribution, words] of [
    [["fedora"], /dnf install moby-engine/],
    [["manjaro", "arch"], /pacman -S docker/],
    [["void"], /Install Docker for this system/],
  ] as const) {
    const action = plan({ distribution: [...distribution] });
    assert.match(action.do === "tell" ? action.next : "", words);
  }
  const mac = plan({ platform: "darwin", distribution: [] });
  assert.match(mac.do === "tell" ? mac.next : "", /Docker Desktop, OrbStack or Colima/);
});

test("an engine elsewhere is refused, and one that was named is never replaced by another", () => {
  const remote = plan({ dockerHost: "tcp://other:2376", answer: ready("runc") });
  assert.match(remote.do === "tell" ? remote.what : "", /only an engine on this machine/);
  const named = plan({ dockerHost: "unix:///run/user/1000/docker.sock" });
  assert.match(named.do === "tell" ? named.what : "", /no container engine answers/);
});

test("the tests get gVisor before the engine starts, or added to one that runs", () => {
  const tests = { wantsGvisor: true };
  assert.deepEqual(plan(tests), { do: "install", packages: ["docker.io", "runsc"] });
  assert.deepEqual(plan({ ...tests, hasClient: true, hasDaemon: true }), { do: "install", packages: ["runsc"] });
  assert.deepEqual(plan({ ...tests, answer: ready("runc") }), { do: "install", packages: ["runsc"] });
  assert.deepEqual(plan({ ...tests, answer: ready("runc"), hasGvisor: true }), { do: "add gVisor" });
  assert.equal(plan({ ...tests, answer: ready("runc", "runsc") }).do, "nothing");
});

test("adding gVisor keeps what the configuration had", () => {
  const config = withGvisor({ "data-root": "/big", runtimes: { other: { path: "/o" } } }, "/usr/bin/runsc");
  assert.equal(config["data-root"], "/big");
  assert.deepEqual(Object.keys(config.runtimes ?? {}), ["other", "runsc"]);
});

test("the configuration file is the one that the engine's own command line names", () => {
  assert.equal(configFileOf(["dockerd", "--config-file", "/a.json"]), "/a.json");
  assert.equal(configFileOf(["dockerd", "--config-file=/b.json", "-D"]), "/b.json");
  assert.equal(configFileOf(["dockerd", "-H", "fd://"]), "/etc/docker/daemon.json");
});

test("being refused is told from being absent", () => {
  assert.ok(forbidden("Got permission denied while trying to connect to the Docker daemon socket"));
  assert.ok(!forbidden("Cannot connect to the Docker daemon. Is the docker daemon running?"));
});
