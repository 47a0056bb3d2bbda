/**
 * Preloaded into the host's process (`node --import`): makes every durable step and side effect a point at which the
 * process can be killed, and writes down each that it passes. The product's code knows nothing of it.
 *
 * Environment: NANOCLAW_CRASH_RECORD, a file that gets one line a point; NANOCLAW_CRASH_AT, a `Target` as JSON;
 * NANOCLAW_CRASH_INSIDE, what the containers get (see inside/hook.ts).
 */
import child_process from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { withInsideHook } from "./inside/mount.ts";
import { caller } from "./label.ts";
import { later, point, step } from "./step.ts";

const inside = process.env.NANOCLAW_CRASH_INSIDE;

/** A path without what differs from run to run. */
function routeOf(path: string | null | undefined): string {
  return (path ?? "/")
    .replace(/\?.*/, "")
    .replace(/[0-9a-f]{32,}/g, "ID")
    .replace(/^\/v[0-9.]+\/(?=containers)/, "/");
}

type AnyFunction = (...args: never[]) => unknown;

/** Puts `make(old)` in the place of a method that other modules have as a built-in one. */
function replace<Holder extends object>(
  holder: Holder,
  names: string[],
  make: (old: AnyFunction, name: string) => AnyFunction,
) {
  const table = holder as Record<string, AnyFunction>;
  for (const name of names) {
    const old = table[name];
    if (!old) throw new Error(`there is no ${name} to watch`);
    table[name] = make(old, name);
  }
}

// SQLite: commits, and what writes without a transaction.
const ofStatement = new WeakMap<StatementSync, DatabaseSync>();
const WRITES =
  /\b(CREATE|INSERT|UPDATE|DELETE|REPLACE|DROP|ALTER|incremental_vacuum)\b|\b(journal_mode|user_version)\s*=/i;

replace(
  DatabaseSync.prototype,
  ["prepare"],
  (old) =>
    function prepare(this: DatabaseSync, ...args: never[]) {
      const statement = old.apply(this, args) as StatementSync;
      ofStatement.set(statement, this);
      return statement;
    },
);
replace(
  DatabaseSync.prototype,
  ["exec"],
  (old) =>
    function exec(this: DatabaseSync, ...args: never[]) {
      const sql = String(args[0]);
      const run = () => old.apply(this, args);
      if (/\bCOMMIT\b/i.test(sql)) return step("commit", run);
      return !this.isTransaction && WRITES.test(sql) ? step("write", run) : run();
    },
);
replace(
  DatabaseSync.prototype,
  ["close"],
  (old) =>
    function close(this: DatabaseSync) {
      return step("close", () => old.apply(this, []));
    },
);
replace(
  StatementSync.prototype,
  ["run", "get", "all"],
  (old) =>
    function statement(this: StatementSync, ...args: never[]) {
      const run = () => old.apply(this, args);
      return !ofStatement.get(this)?.isTransaction && WRITES.test(this.sourceSQL) ? step("write", run) : run();
    },
);

// Files.
const CHANGES = ["mkdir", "rename", "rm", "rmdir", "unlink", "chown", "chmod", "symlink", "link", "truncate"];
replace(
  fs,
  [...CHANGES.map((name) => `${name}Sync`), "fchownSync", "ftruncateSync", "mkdtempSync", "cpSync"],
  (old, name) =>
    (...args) =>
      step(name.replace("Sync", ""), () => old(...args)),
);
replace(fs, ["writeFileSync", "appendFileSync"], (old, name) => (...args) => {
  const [file, data, ...rest] = args as unknown as [string, string | Uint8Array, ...unknown[]];
  const part = (data: string | Uint8Array) => old(...([file, data, ...rest] as never[]));
  return step(
    name.replace("Sync", ""),
    () => part(data),
    () => part(data.slice(0, data.length >> 1)),
  );
});
replace(fs, ["openSync"], (old) => (...args) => {
  const flags = (args as unknown[])[1] ?? "r";
  const changes = typeof flags === "string" ? flags !== "r" : (Number(flags) & fs.constants.O_CREAT) !== 0;
  return changes ? step("create", () => old(...args)) : old(...args);
});
replace(
  fs.promises,
  [...CHANGES, "writeFile", "appendFile", "cp"],
  (old, name) =>
    (...args) =>
      later(name, () => old(...args) as Promise<unknown>),
);

// Other processes and other machines: the engine, platforms.
replace(
  child_process,
  ["spawn"],
  (old) =>
    (...args) =>
      step("spawn", () => old(...args)),
);
for (const protocol of [http, https]) {
  replace(protocol, ["request"], (old) => (...args) => {
    const { method = "GET", path } = (typeof args[0] === "object" ? args[0] : {}) as http.RequestOptions;
    const start = () => old(...args) as http.ClientRequest;
    const who = method === "GET" ? null : caller();
    if (who === null) return start();
    const route = routeOf(path);
    const done = point(`request ${method} ${route} ${who}`);
    const outgoing = inside && route === "/containers/create" ? withInsideHook(start(), inside) : start();
    return outgoing.once("response", done);
  });
}
const { fetch } = globalThis;
globalThis.fetch = (...args) => later("fetch", () => fetch(...args));

// What is told: rings of the bell, and answers to clients.
replace(
  Socket.prototype,
  ["write"],
  (old) =>
    function write(this: Socket, ...args: never[]) {
      const [data] = args as unknown[];
      const run = () => old.apply(this, args);
      return data instanceof Uint8Array && data.length === 1 ? step("ring", run) : run();
    },
);
replace(
  http.ServerResponse.prototype,
  ["end"],
  (old) =>
    function end(this: http.ServerResponse, ...args: never[]) {
      const done = point(`answer ${this.req?.method} ${routeOf(this.req?.url)}`);
      const result = old.apply(this, args);
      done();
      return result;
    },
);

syncBuiltinESMExports();
