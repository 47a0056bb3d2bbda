/** Finds out how an installation is, also where little of it works: nothing here fails, and nothing is changed. */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../src/lib/errors.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { type ControlClient, HostDown } from "../client.ts";
import { hasService } from "../host-process.ts";
import type { Facts } from "./judge.ts";

/** An engine that has not answered in this time does not, milliseconds. */
const ENGINE_PATIENCE = 10_000;

export async function factsOf(paths: Paths, client: ControlClient): Promise<Facts> {
  const own = JSON.parse(readFileSync(join(paths.root, "package.json"), "utf8")) as {
    version: string;
    engines: { node: string };
  };
  const [engine, { host, trouble }] = await Promise.all([engineFacts(), hostFacts(client)]);
  const image =
    engine.problem === "" ? (await docker("image", "inspect", "--format", "{{.Id}}", paths.image)).ok : null;
  return {
    ...{ paths, at: Date.now(), engine, image, host, trouble, version: own.version },
    node: { version: process.version, least: Number(/\d+/.exec(own.engines.node)?.[0] ?? 0) },
    folders: [paths.data, paths.config].flatMap(folderFacts),
    disk: diskFacts(existsSync(paths.data) ? paths.data : paths.root),
    database: databaseFacts(paths.database),
    service: hasService(paths),
  };
}

function folderFacts(path: string): Facts["folders"] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  let isWritable = true;
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    isWritable = false;
  }
  return [{ path, mode: stat.mode, isOwn: stat.uid === process.getuid?.(), isWritable }];
}

function diskFacts(path: string): Facts["disk"] {
  try {
    const { bavail, bsize, blocks } = statfsSync(path);
    return { free: bavail * bsize, size: blocks * bsize };
  } catch {
    return null;
  }
}

function databaseFacts(file: string): Facts["database"] {
  if (!existsSync(file)) return null;
  try {
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      const rows = db.prepare("PRAGMA quick_check(3)").all() as { quick_check: string }[];
      const problems = rows.map(({ quick_check }) => quick_check).filter((line) => line !== "ok");
      return { problem: problems.join("; ") };
    } finally {
      db.close();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

async function engineFacts(): Promise<Facts["engine"]> {
  const { ok, said } = await docker("version", "--format", "{{.Server.Version}}");
  return ok
    ? { version: `docker ${said}`, problem: "" }
    : { version: "", problem: said || "no container engine answers" };
}

function docker(...words: string[]): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    const child = spawn("docker", words, { stdio: ["ignore", "pipe", "pipe"], timeout: ENGINE_PATIENCE });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (piece: string) => {
        said = (said + piece).slice(-2000);
      });
    child.once("error", () => resolve({ ok: false, said: "the program docker is not there" }));
    child.once("close", (code) => resolve({ ok: code === 0, said: said.trim().split("\n").at(-1) ?? "" }));
  });
}

async function hostFacts(client: ControlClient): Promise<Pick<Facts, "host" | "trouble">> {
  try {
    const [status, groups, credentials, questions, tasks, budgets, audit] = await Promise.all([
      client.call("status", {}),
      client.call("groups.list", {}),
      client.call("credentials.list", {}),
      client.call("approvals.list", { state: "pending" }),
      client.call("tasks.list", { limit: 1000 }),
      client.call("budgets.list", {}),
      client.call("audit.verify", {}),
    ]);
    return { host: { status, groups, credentials, questions, tasks, budgets, audit }, trouble: "" };
  } catch (error) {
    return { host: null, trouble: error instanceof HostDown ? "" : messageOf(error) };
  }
}
