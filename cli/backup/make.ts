/** `ncl backup make`: the whole installation in one file, also while the host runs. */
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
import { backup, DatabaseSync } from "node:sqlite";
import { Misuse } from "../../src/lib/errors.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { DATABASE, FORMAT, GROUPS, KEYS, MANIFEST, type Manifest, pack, SESSIONS, sha256Of } from "./archive.ts";

/** @throws Misuse where there is nothing to back up, the file is there already, or it could not be written */
export async function makeBackup(paths: Paths, target: string, keys: boolean): Promise<Manifest & { bytes: number }> {
  const file = resolve(target);
  if (existsSync(file)) throw new Misuse(`${file} is there already`, "Name a new file.");
  if (!existsSync(paths.database))
    throw new Misuse(`there is no database at ${paths.database}`, "Nothing was set up here yet.");
  // Beside the target: the same disk, and as private as it will be.
  mkdirSync(dirname(file), { recursive: true });
  const scratch = mkdtempSync(join(dirname(file), ".nanoclaw-backup-"));
  try {
    await snapshot(paths.database, join(scratch, DATABASE));
    if (keys) copyKeys(paths.config, join(scratch, KEYS));
    const { version } = JSON.parse(readFileSync(join(paths.root, "package.json"), "utf8")) as { version: string };
    const database = await sha256Of(join(scratch, DATABASE));
    const manifest: Manifest = { format: FORMAT, version, at: Date.now(), database, keys };
    writeFileSync(join(scratch, MANIFEST), JSON.stringify(manifest));
    const part = join(scratch, "part.tar.gz");
    await pack(part, scratch, [
      { dir: scratch, paths: [MANIFEST, DATABASE, ...(keys ? [KEYS] : [])] },
      { dir: dirname(paths.sessions), paths: sessionPaths(paths.sessions) },
      { dir: dirname(paths.groups), paths: existsSync(paths.groups) ? [GROUPS] : [] },
    ]);
    // It holds all that was ever said, and perhaps keys.
    chmodSync(part, 0o600);
    renameSync(part, file);
    return { ...manifest, bytes: statSync(file).size };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * What is taken of each session: its conversation, and files that were sent. Not the mailboxes: they are made anew, and half
 * of a commit would be worse than none; and not what the host writes at each start.
 */
function sessionPaths(sessions: string): string[] {
  const below = (dir: string) =>
    existsSync(dir) ? readdirSync(dir, { withFileTypes: true }).filter((one) => one.isDirectory()) : [];
  return below(sessions).flatMap(({ name: group }) =>
    below(join(sessions, group)).flatMap(({ name: session }) =>
      ["provider", "sent", "in/attachments"]
        .filter((part) => existsSync(join(sessions, group, session, part)))
        .map((part) => join(SESSIONS, group, session, part)),
    ),
  );
}

/** More than a database can have. */
const ALL_PAGES = 2 ** 31 - 1;

/** As it was at one moment, with all that a host writes meanwhile left out. */
async function snapshot(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // In one step: a host that goes on writing would make it begin again and again.
    await backup(source, to, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
}

function copyKeys(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  const files = existsSync(from) ? readdirSync(from, { withFileTypes: true }).filter((one) => one.isFile()) : [];
  for (const { name } of files) copyFileSync(join(from, name), join(to, name));
}
