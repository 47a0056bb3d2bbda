import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FakeHost, VerbFailure } from "../testing/fake-host.ts";
import { runProgram } from "../testing/run.ts";
import { nameFor } from "./env-file.ts";

const VALUES = ["ghp-value-one", "hunter2 and more", "map-value-three", "not-for-nanoclaw"];
const [github = "", password = "", maps = "", other = ""] = VALUES;
const FILE = `# mine
export GITHUB_TOKEN=${github}
DB_PASSWORD="${password}"
MAPS_API_KEY='${maps}'
DEBUG=${other}
EMPTY=
`;

async function run(host: FakeHost, words: string[], text = FILE) {
  const file = join(host.run, "my.env");
  writeFileSync(file, text);
  const ended = await runProgram("bin/ncl", ["credentials", "import", file, ...words], host.run);
  for (const value of VALUES)
    assert.equal(`${ended.stdout}${ended.stderr}`.includes(value), false, "a value was shown");
  assert.equal(readFileSync(file, "utf8"), text);
  return { ...ended, file };
}

/** @returns a host that keeps everything but what `set` refuses */
async function hostWith(
  names: string[],
  set: (args: Record<string, unknown>) => unknown = () => ({ check: "not_checked" }),
) {
  const host = new FakeHost();
  host.verbs["credentials.list"] = () => names.map((name) => ({ name }));
  host.verbs["credentials.set"] = (args) => ({ name: args.name, detail: "", ...Object(set(args)) });
  await host.start();
  return host;
}

test("what was chosen is stored under its variable, the rest is named, and the file is to be deleted", async () => {
  await using host = await hostWith([]);
  const { code, stdout, file } = await run(host, [
    "--as",
    "GITHUB_TOKEN=bearer",
    "DB_PASSWORD=basic:me",
    "MAPS_API_KEY=query:key",
  ]);
  assert.equal(code, 0);
  const sets = host.calls.filter(({ verb }) => verb === "credentials.set").map(({ args }) => args);
  assert.deepEqual(sets, [
    { name: "db", kind: "basic", secret: password, variable: "DB_PASSWORD", user: "me" },
    { name: "github", kind: "bearer", secret: github, variable: "GITHUB_TOKEN" },
    { name: "maps", kind: "query", secret: maps, variable: "MAPS_API_KEY", parameter: "key" },
  ]);
  assert.match(stdout, /GITHUB_TOKEN is stored as credential "github"/);
  assert.match(stdout, /DEBUG was not taken: not chosen/);
  assert.equal(stdout.includes(`Now delete ${file}`), true);
});

test("without a terminal and without --as it names what there is and stores nothing", async () => {
  await using host = await hostWith([]);
  const { code, stderr } = await run(host, []);
  assert.equal(code, 2);
  assert.match(stderr, /DB_PASSWORD, DEBUG, GITHUB_TOKEN, MAPS_API_KEY, and nobody can be asked/);
  assert.equal(
    host.calls.some(({ verb }) => verb === "credentials.set"),
    false,
  );
});

test("one that is there already is left, unless it is to be replaced; one that the host refuses is told", async () => {
  await using host = await hostWith(["github"], ({ name, secret }) => {
    if (name === "maps") throw new VerbFailure("refused", `${secret} is no good`);
    return { check: "not_checked" };
  });
  const words = ["--as", "GITHUB_TOKEN=bearer", "MAPS_API_KEY=bearer"];
  const { code, stdout } = await run(host, words);
  assert.equal(code, 1);
  assert.match(stdout, /GITHUB_TOKEN was not taken: a credential "github" is there already; --replace/);
  assert.match(stdout, /MAPS_API_KEY was not taken: \[removed\] is no good/);
  const replaced = await run(host, [...words.slice(0, 2), "--replace", "--json"]);
  assert.deepEqual(
    JSON.parse(replaced.stdout).stored.map(({ name }: { name: string }) => name),
    ["github"],
  );
});

test("what is wrong with the choices or the file is said without a word of what it holds", async () => {
  await using host = await hostWith([]);
  const wrong: [string[], string, RegExp][] = [
    [["--as", `GITHUB_TOKEN=${github}`], FILE, /none of NAME=kind/],
    [["--as", "NOTHERE=bearer"], FILE, /not in the file/],
    [["--as", "DB_PASSWORD=basic"], FILE, /needs its user.*DB_PASSWORD=basic:USER/s],
    [["--as", "A=bearer"], `${github}\n`, /no variable with a value/],
  ];
  for (const [words, text, said] of wrong) {
    const { code, stderr } = await run(host, words, text);
    assert.notEqual(code, 0);
    assert.match(stderr, said);
  }
  assert.deepEqual(
    host.calls.filter(({ verb }) => verb === "credentials.set"),
    [],
  );
});

test("names are short, and always ones that the host takes", () => {
  const names = ["GITHUB_TOKEN", "OPENAI_API_KEY", "TOKEN", "_X", "a.b", "SOME_LONG_NAME"].map(nameFor);
  assert.deepEqual(names, ["github", "openai", "token", "x", "a-b", "some-long-name"]);
});
