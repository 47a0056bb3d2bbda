import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inside } from "../../protocol/layout.ts";
import type { Mount } from "./sandbox.ts";
import { checkSpec, type SessionContainer, sessionSpec } from "./spec.ts";

const input: SessionContainer = {
  installation: "0a1b2c3d",
  session: "s-abc",
  image: "nanoclaw-agent:latest",
  runtime: null,
  user: { uid: 1000, gid: 1000 },
  timeZone: "Europe/Berlin",
  sources: {
    root: "/srv/nanoclaw",
    inboundDir: "/srv/data/a/s/in",
    outboundDb: "/srv/data/a/s/out/outbound.db",
    outboundJournal: "/srv/data/a/s/out/outbound.db-journal",
    configDir: "/srv/data/a/s/config",
    providerDir: "/srv/data/a/s/provider",
    workspace: "/srv/groups/a/workspace",
    socketDir: "/run/nanoclaw/0a1b2c3d/s/s-abc",
  },
};
const withMount = (mount: Partial<Mount>) =>
  sessionSpec({ ...input, extraMounts: [{ source: "/srv/photos", target: "/mnt/photos", readOnly: true, ...mount }] });

test("a session may write its outbound files, its provider's state and its workspace, and nothing else", () => {
  const writable = sessionSpec(input).mounts.filter(({ readOnly }) => !readOnly);
  assert.deepEqual(
    writable.map(({ target }) => target),
    [inside.outboundDb, inside.outboundJournal, inside.providerState, inside.workspace],
  );
});

test("a session runs the code of its installation, which it can't write", () => {
  for (const [target, source] of [
    [inside.runnerDir, "/srv/nanoclaw/container/runner"],
    [inside.providersDir, "/srv/nanoclaw/container/providers"],
    [inside.protocolDir, "/srv/nanoclaw/protocol"],
  ]) {
    const mount = sessionSpec(input).mounts.find((one) => one.target === target);
    assert.deepEqual(mount, { source, target, readOnly: true });
  }
});

test("what a caller adds cannot change whose container it is", () => {
  const spec = sessionSpec({ ...input, labels: { "nanoclaw.session": "other", "nanoclaw.test": "1" } });
  assert.deepEqual(spec.labels, {
    "nanoclaw.session": "s-abc",
    "nanoclaw.installation": "0a1b2c3d",
    "nanoclaw.test": "1",
  });
  assert.equal(spec.name, "nanoclaw-0a1b2c3d-s-abc");
});

test("root is refused, as user and as group", () => {
  for (const user of [
    { uid: 0, gid: 1000 },
    { uid: 1000, gid: 0 },
    { uid: 1.5, gid: 1 },
  ]) {
    assert.throws(() => sessionSpec({ ...input, user }), { name: "Misuse", message: /can't run as user/ });
  }
});

test("limits outside their bounds are refused", () => {
  for (const limits of [
    { memoryBytes: 0 },
    { memoryBytes: Number.NaN },
    { pids: -1 },
    { pids: 1e6 },
    { cpus: 0 },
    { openFiles: 10.5 },
    { fileSizeBytes: Number.POSITIVE_INFINITY },
  ]) {
    assert.throws(
      () => sessionSpec({ ...input, limits }),
      { name: "Misuse", message: /limit/ },
      JSON.stringify(limits),
    );
  }
});

test("a path that is relative, not in its plain form, or splits a mount's syntax is refused", () => {
  for (const path of ["relative", "/a/../b", "/a//b", "/a/", "/", "/a:b", "/a,b", "/a\nb", "", "/a/."]) {
    assert.throws(() => withMount({ source: path }), { name: "Misuse", message: /mount source/ }, path);
    assert.throws(() => withMount({ target: path }), { name: "Misuse", message: /mount target/ }, path);
  }
});

test("no mount lands below a place that the container can write", () => {
  for (const parent of [inside.workspace, inside.home, "/tmp", inside.providerState, inside.outboundDb]) {
    assert.throws(() => withMount({ target: `${parent}/below` }), { name: "Misuse", message: /lies below/ }, parent);
  }
  assert.throws(() => withMount({ target: inside.workspace }), { message: /two mounts/ });
  assert.doesNotThrow(() => withMount({ target: "/workspaces" }));
});

test("nothing read-only is writable by way of a mount of a folder above it", () => {
  for (const source of ["/srv", "/srv/nanoclaw", "/srv/data/a/s", "/srv/data/a/s/in", "/run/nanoclaw"]) {
    assert.throws(
      () => withMount({ source, readOnly: false }),
      { name: "Misuse", message: /would be writable/ },
      source,
    );
    assert.doesNotThrow(() => withMount({ source, target: "/mnt/look" }), undefined);
  }
});

test("whatever mounts are asked for, those that pass have no target below a writable one", () => {
  const name = fc.constantFrom("tmp", "workspace", "home", "agent", "mnt", "nanoclaw", "out", "x");
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join("/")}`);
  const mount = fc.record({ source: path, target: path, readOnly: fc.boolean() });
  fc.assert(
    fc.property(fc.array(mount, { maxLength: 5 }), (mounts) => {
      const spec = { ...sessionSpec(input), mounts };
      try {
        checkSpec(spec);
      } catch {
        return;
      }
      const writable = [...mounts.filter(({ readOnly }) => !readOnly), ...spec.tmpfs].map(({ target }) => target);
      for (const { target } of mounts) {
        assert.ok(!writable.some((parent) => parent !== target && target.startsWith(`${parent}/`)));
      }
    }),
  );
});
