import assert from "node:assert/strict";
import { test } from "node:test";
import { pathsOf } from "../src/lib/paths.ts";
import { launchdPlist, serviceEnvironment, serviceName, systemdUnit } from "./service-files.ts";

const paths = { ...pathsOf(), root: "/home/a user/50% & more", installation: "0badcafe" };

test("two installations have services of their own", () => {
  assert.equal(serviceName(paths), "nanoclaw-0badcafe");
});

test("a service gets the settings that matter, and no secret", () => {
  const names = serviceEnvironment({ PATH: "/bin", ANTHROPIC_API_KEY: "x", LANG: "C" }).map(([name]) => name);
  assert.deepEqual(names, ["PATH"]);
});

test("a unit survives spaces and percent signs in the path", () => {
  const unit = systemdUnit(paths, "/home/a user/50% & more/.tools/bin/node", { PATH: "/bin" });
  assert.match(
    unit,
    /^ExecStart="\/home\/a user\/50%% & more\/\.tools\/bin\/node" --max-semi-space-size=2 --max-old-space-size=256 src\/main\.ts$/m,
  );
  assert.match(unit, /^WorkingDirectory=\/home\/a user\/50%% & more$/m);
  assert.match(unit, /^Environment="PATH=\/bin"$/m);
  assert.match(unit, /^Environment="NODE_COMPILE_CACHE=.*\/code"$/m);
});

test("a launchd file escapes what XML must have escaped", () => {
  assert.match(launchdPlist(paths, "/n", {}), /<string>\/home\/a user\/50% &amp; more<\/string>/);
});
