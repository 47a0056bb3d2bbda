/** `ncl backup verify` and `ncl backup restore`: unpacked beside where it goes, looked at, and only then put in place. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { Misuse } from "../../src/lib/errors.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { DATABASE, FORMAT, GROUPS, KEYS, MANIFEST, type Manifest, SESSIONS, sha256Of, unpack } from "./archive.ts";

const manifestSchema = z.object({
  format: z.int(),
  version: z.string().max(100),
  at: z.int(),
  database: z.string().regex(/^[0-9a-f]{64}$/),
  keys: z.boolean(),
});

export interface Checked extends Manifest {
  agents: number;
  sessions: number;
  messages: number;
  audit: number;
}

/** Restores it to a scratch folder and looks at what came out. @throws Misuse with what is wrong with it */
export async function verifyBackup(file: string): Promise<Checked> {
  return withUnpacked(file, dirname(resolve(file)), async (_dir, checked) => checked);
}

/** What was there, moved aside; empty where nothing was. */
export interface Restored extends Checked {
  aside: string;
}

/**
 * Puts an installation back. The host must not run.
 * @param replace moves aside what is there; without it an installation that is there is left alone
 */
export async function restoreBackup(paths: Paths, file: string, replace: boolean): Promise<Restored> {
  const there = [paths.data, paths.groups].filter((path) => existsSync(path) && readdirSync(path).length > 0);
  if (there.length > 0 && !replace)
    throw new Misuse(`there is an installation at ${paths.data}`, "With --replace it is moved aside, and kept.");
  mkdirSync(dirname(paths.data), { recursive: true });
  return withUnpacked(file, dirname(paths.data), async (dir, checked) => {
    const stamp = `before-restore-${new Date().toISOString().replace(/[:.]/g, "-")}`;
    // The data folder may hold that of the groups, which is gone with it then.
    for (const path of there) if (existsSync(path)) renameSync(path, `${path}.${stamp}`);
    mkdirSync(paths.data, { recursive: true, mode: 0o700 });
    renameSync(join(dir, DATABASE), paths.database);
    for (const [name, path] of [
      [SESSIONS, paths.sessions],
      [GROUPS, paths.groups],
    ] as const)
      if (existsSync(join(dir, name))) renameSync(join(dir, name), path);
    if (checked.keys) putKeys(join(dir, KEYS), paths.config, stamp);
    // The host takes it from there: what was on its way then must not go out now (parts/backups).
    writeFileSync(join(paths.data, "restored.json"), JSON.stringify({ madeAt: checked.at }), { mode: 0o600 });
    return { ...checked, aside: there[0] ? `${there[0]}.${stamp}` : "" };
  });
}

function putKeys(from: string, to: string, stamp: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(from)) {
    const file = join(to, name);
    if (existsSync(file)) renameSync(file, `${file}.${stamp}`);
    copyFileSync(join(from, name), file);
    chmodSync(file, 0o600);
  }
}

async function withUnpacked<Result>(
  file: string,
  beside: string,
  use: (dir: string, checked: Checked) => Promise<Result>,
): Promise<Result> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Misuse(`there is no file ${file}`, "Name what `ncl backup make` wrote.");
  const scratch = mkdtempSync(join(beside, ".nanoclaw-restore-"));
  try {
    await unpack(resolve(file), scratch);
    return await use(scratch, await check(scratch));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function check(dir: string): Promise<Checked> {
  const manifest = readManifest(join(dir, MANIFEST));
  const database = join(dir, DATABASE);
  if (!existsSync(database) || (await sha256Of(database)) !== manifest.database)
    throw new Misuse("the backup's database is not the one that was packed", "Use another backup.");
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    const found = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (found.quick_check !== "ok")
      throw new Misuse(`the backup's database is damaged: ${found.quick_check}`, "Use another backup.");
    const count = (table: string) => (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    return {
      ...manifest,
      ...{ agents: count("agent_groups"), sessions: count("sessions") },
      ...{ messages: count("inbound_events"), audit: count("audit") },
    };
  } finally {
    db.close();
  }
}

function readManifest(file: string): Manifest {
  const parsed = manifestSchema.safeParse(existsSync(file) ? jsonOf(readFileSync(file, "utf8")) : null);
  if (!parsed.success) throw new Misuse("this is no backup of NanoClaw", "Name what `ncl backup make` wrote.");
  if (parsed.data.format !== FORMAT)
    throw new Misuse(
      `the backup has format ${parsed.data.format}, and this NanoClaw knows ${FORMAT}`,
      "Update NanoClaw.",
    );
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
