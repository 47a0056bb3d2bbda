/**
 * Where do secrets turn up? A real host is started, used and misused with secrets that are made up for this run: then every
 * file that it left, all that it and the command line said, the argument lists and environments of all its processes are
 * searched for them, plain, in base64 at each offset, URL-encoded and in hexadecimal.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { ControlClient } from "../../cli/client.ts";
import { pathsOf } from "../../src/lib/paths.ts";
import { SignInServer } from "../support/sign-in-server.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** With letters that URLs encode, where the kind allows them. */
const secretOf = (what: string) => `${what}/+=${randomBytes(18).toString("base64url")}`;

/** The forms in which a secret may be found: of base64 the part that does not depend on what stands around it. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const inner = whole.slice(Math.ceil((shift * 4) / 3), whole.length - 1);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("hex"),
    ...base64,
  ];
  return [...new Set(forms)].map((form) => Buffer.from(form));
}

/** @returns where which secret stands */
function search(secrets: Record<string, string>, places: Map<string, Buffer>): string[] {
  return Object.entries(secrets).flatMap(([what, secret]) =>
    [...places].flatMap(([place, bytes]) =>
      formsOf(secret).some((form) => bytes.includes(form)) ? [`${what} in ${place}`] : [],
    ),
  );
}

function filesBelow(dir: string, but: string[]): Map<string, Buffer> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const paths = entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  return new Map(paths.filter((path) => !but.includes(path)).map((path) => [path, readFileSync(path)]));
}

/** Argument list and environment of a process and all its descendants. */
function processes(root: number): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const stat = attempt(() => readFileSync(`/proc/${name}/stat`, "utf8"));
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isOurs = (pid: number): boolean => pid === root || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
  for (const pid of parents.keys()) {
    if (!isOurs(pid)) continue;
    for (const what of ["cmdline", "environ"]) {
      const bytes = attempt(() => readFileSync(`/proc/${pid}/${what}`));
      if (bytes) found.set(`/proc/${pid}/${what}`, bytes);
    }
  }
  return found;
}

function attempt<Result>(work: () => Result): Result | null {
  try {
    return work();
  } catch {
    // It ended between two looks.
    return null;
  }
}

/** A model's API that repeats the key that it was given, as careless ones do. */
async function carelessModel(t: TestContext): Promise<{ address: string; mood: { status: number } }> {
  const mood = { status: 401 };
  const server = createServer((request, response) => {
    const said = `bad key ${request.headers["x-api-key"]} ${request.headers.authorization}`;
    response.writeHead(mood.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { type: "authentication_error", message: said } }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, mood };
}

test("no secret is left in a file, a message, an argument list or an environment", { timeout: 290_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "secrets-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const server = await SignInServer.start(t);
  const model = await carelessModel(t);
  const env = {
    ...process.env,
    ...{ NANOCLAW_DATA: join(dir, "data"), NANOCLAW_RUN: join(dir, "run"), XDG_CONFIG_HOME: join(dir, "config") },
    ...{ NANOCLAW_LOG_LEVEL: "debug", NODE_EXTRA_CA_CERTS: server.certificateFile, NO_COLOR: "1" },
  };
  const paths = pathsOf(ROOT, env);
  const client = new ControlClient(paths.controlSocket);
  const secrets: Record<string, string> = {
    "the model's key": secretOf("key"),
    "a refused key": secretOf("refused"),
    "a token": secretOf("token"),
    "a password": secretOf("pass word"),
    "a query key": secretOf("query"),
    "a client's secret": secretOf("client"),
    "what was mistyped": secretOf("mistyped"),
  };
  const secret = (what: string) => secrets[what] ?? assert.fail(what);
  let said = "";

  /** A command as a person gives it; its own arguments and environment are looked at while it runs. */
  async function ncl(words: string[], stdin = ""): Promise<string> {
    const child = spawn(join(ROOT, "bin/ncl"), words, { env });
    const look = setInterval(
      () => places.set(`ncl ${words.join(" ")}`, Buffer.concat([...processes(child.pid ?? 0).values()])),
      20,
    );
    child.stdin.on("error", () => {}).end(stdin);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    clearInterval(look);
    said += stdout + stderr;
    return stdout + stderr;
  }
  const places = new Map<string, Buffer>();
  const pid = async () => (await client.call("status", {})).pid;
  const lookAtHost = async () => {
    for (const [place, bytes] of processes(await pid())) places.set(place, bytes);
  };
  async function end(signal: NodeJS.Signals): Promise<void> {
    const host = await pid();
    process.kill(host, signal);
    while (attempt(() => process.kill(host, 0))) await new Promise((done) => setTimeout(done, 20));
  }
  t.after(() => end("SIGKILL").catch(() => {}));

  await ncl(["up"]);
  assert.match(readFileSync(`/proc/${await pid()}/limits`, "utf8"), /Max core file size\s+0\s+0\s/);
  await client.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider: "null" });
  await ncl(["model", "use", "anthropic", "--address", model.address]);

  // Set in every way, by the command line and its neighbours, good and refused.
  assert.match(await ncl(["credentials", "set", "anthropic"], secret("a refused key")), /bad key \[removed\]/);
  model.mood.status = 200;
  assert.match(await ncl(["credentials", "set", "anthropic"], secret("the model's key")), /good/);
  await ncl(["credentials", "set", "github", "--kind", "bearer", "--variable", "GITHUB_TOKEN"], secret("a token"));
  await ncl(["credentials", "set", "files", "--kind", "basic", "--user", "me"], secret("a password"));
  const envFile = join(dir, "my.env");
  writeFileSync(envFile, `SEARCH_KEY=${secret("a query key")}\n`);
  await ncl(["credentials", "import", envFile, "--as", "SEARCH_KEY=query:key"]);
  const clientSecret = join(dir, "client-secret");
  writeFileSync(clientSecret, secret("a client's secret"));
  const oauth2 = [
    "--kind",
    "oauth2",
    "--token-endpoint",
    server.tokenEndpoint,
    "--client-id",
    "c",
    "--client-secret-file",
    clientSecret,
  ];
  assert.match(await ncl(["credentials", "set", "mail", ...oauth2], server.refreshToken), /the provider takes it/);
  await lookAtHost();

  // Misused: mistyped into every field, unknown verbs, refused and failing refreshes, a damaged row, a new key.
  const wrong = secret("what was mistyped");
  for (const args of [
    { name: wrong, secret: "x" },
    { name: "x", secret: wrong, kind: wrong },
    { name: "x", secret: `${wrong}\nb`, kind: "bearer" },
    { name: "x", secret: wrong, [wrong]: 1 },
    { name: "x", secret: { deep: wrong } },
    wrong,
  ]) {
    const failed = await client.call("credentials.set", args as never).catch((error: Error) => error);
    assert.ok(failed instanceof Error);
    if (!failed.message.includes(wrong)) said += failed.message;
  }
  server.mood = "error 500";
  await ncl(["credentials", "set", "mail", ...oauth2], server.refreshToken);
  server.mood = "well";
  server.revoke();
  assert.match(await ncl(["credentials", "set", "mail", ...oauth2], server.refreshToken), /expired or was revoked/);
  const db = new DatabaseSync(paths.database);
  db.exec("UPDATE credentials SET sealed=(SELECT sealed FROM credentials WHERE name='files') WHERE name='github'");
  assert.match(await ncl(["credentials", "show", "github"]), /can't be opened/);
  assert.match(await ncl(["credentials", "rotate-key"]), /"github" can't be opened/);
  await ncl(["credentials", "remove", "github"]);
  assert.match(await ncl(["credentials", "rotate-key"]), /credentials/);
  assert.match(await ncl(["credentials", "set", "mail", ...oauth2], server.signIn()), /the provider takes it/);
  await lookAtHost();

  // Crashed, then started with a key that does not fit, and with none.
  await end("SIGABRT");
  const key = readFileSync(paths.vaultKey);
  for (const strange of [randomBytes(32), randomBytes(7), null]) {
    if (strange) writeFileSync(paths.vaultKey, strange);
    else rmSync(paths.vaultKey);
    await ncl(["up"]);
    assert.match(await ncl(["credentials", "show", "files"]), /does not fit|damaged|missing/);
    assert.match(
      await ncl(["credentials", "set", "more", "--kind", "bearer"], secret("a token")),
      /does not fit|damaged|missing/,
    );
    await lookAtHost();
    await end("SIGKILL");
  }
  writeFileSync(paths.vaultKey, key);
  await ncl(["up"]);
  assert.match(await ncl(["credentials", "list"]), /mail/);
  await lookAtHost();
  await ncl(["down"]);
  db.close();

  for (const [index, token] of server.granted.entries()) secrets[`token ${index} of the provider`] = token;
  const given = [envFile, clientSecret];
  const left = filesBelow(dir, given);
  const host = [...left.keys()].filter((path) => /host.*log/.test(path));
  assert.ok(
    host.length > 0 && [...left.keys()].some((path) => path.endsWith("v2.db")),
    "the host's files were looked at",
  );
  assert.ok(
    [...places.keys()].some((place) => place.endsWith("environ")) && places.size > 8,
    "its processes were looked at",
  );
  assert.deepEqual(
    [...left.keys()].filter((path) => /(^|\/)core(\.\d+)?$/.test(path)),
    [],
  );
  for (const [path, bytes] of left) places.set(path, bytes);
  places.set("what was said", Buffer.from(said));
  assert.deepEqual(search(secrets, places), []);

  // The search finds what is there: each secret, in each form, wherever it stands.
  cpSync(envFile, join(dir, "data", "copy"));
  assert.deepEqual(search(secrets, filesBelow(dir, given)), [`a query key in ${join(dir, "data", "copy")}`]);
  const token = secret("a token");
  for (const shift of ["", "x", "xy", "xyz"]) {
    for (const form of [
      token,
      encodeURIComponent(token),
      Buffer.from(`${shift}${token}${shift}`).toString("base64"),
      Buffer.from(`${shift}${token}`).toString("base64url"),
    ])
      assert.deepEqual(search({ it: token }, new Map([["here", Buffer.from(`${shift}${form}${shift}`)]])), [
        "it in here",
      ]);
  }
});
