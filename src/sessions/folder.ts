/**
 * A session's files on the host. What a container can write (`outbound.db`, its journal, the provider's state) is made
 * here once, owned by the container's uid, and never opened by this process again.
 */
import {
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { RunnerConfig } from "../../protocol/config.ts";
import type { Session } from "../store/sessions.ts";

export interface SessionFolder {
  root: string;
  inDir: string;
  inboundDb: string;
  outboundDb: string;
  outboundJournal: string;
  configDir: string;
  providerDir: string;
  /** Files that the agent sends: the container does not see it. */
  sentDir: string;
}

export function sessionFolder(sessionsDir: string, session: Session): SessionFolder {
  const root = join(sessionsDir, session.agentGroup, session.id);
  return {
    root,
    inDir: join(root, "in"),
    inboundDb: join(root, "in", "inbound.db"),
    outboundDb: join(root, "out", "outbound.db"),
    outboundJournal: join(root, "out", "outbound.db-journal"),
    configDir: join(root, "config"),
    providerDir: join(root, "provider"),
    sentDir: join(root, "sent"),
  };
}

/**
 * Makes what is missing.
 * @param uid the uid of the session's containers
 * @param readersGroup the group of the processes that read its mailbox, where the host can give them one of their own
 */
export function prepareFolder(folder: SessionFolder, uid: number, readersGroup: number | null): void {
  for (const dir of [folder.inDir, join(folder.root, "out"), folder.configDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o755 });
  }
  for (const file of [folder.outboundDb, folder.outboundJournal]) {
    makeOwned(file, uid, readersGroup ?? uid, (path) => closeSync(openSync(path, "w", 0o640)));
  }
  makeOwned(folder.providerDir, uid, uid, (path) => mkdirSync(path, { recursive: true, mode: 0o700 }));
}

/** Writes the runner's config, instructions and what comes with them, each whole or not at all. @param more by name */
export function writeConfig(
  folder: SessionFolder,
  config: RunnerConfig,
  instructions: string,
  more: Record<string, string>,
): void {
  for (const [name, text] of [
    ...Object.entries(more),
    ["config.json", JSON.stringify(config)],
    ["instructions.md", instructions],
  ] as const) {
    const file = join(folder.configDir, name);
    if (name in more && isWritten(file, text)) continue;
    writeFileSync(`${file}.new`, text, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  }
}

function isWritten(file: string, text: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined && readFileSync(file, "utf8") === text;
}

/** A file of the host's own that can't be used: all that it held is in the central database. */
export function dropInbound(folder: SessionFolder): void {
  for (const file of [folder.inboundDb, `${folder.inboundDb}-journal`]) rmSync(file, { force: true });
}

/**
 * A mailbox that its runner can't use any more, for whoever wants to know why; the next runner gets a new one. Only where
 * no container runs and everything that can be taken was taken. It is moved, not opened.
 */
export function setAsideOutbound(folder: SessionFolder): void {
  for (const file of [folder.outboundJournal, folder.outboundDb]) {
    if (lstatSync(file, { throwIfNoEntry: false })) renameSync(file, `${file}.damaged`);
  }
}

/** Under another name until it belongs to the container: what a crash leaves half made is never found in its place. */
function makeOwned(path: string, uid: number, gid: number, make: (path: string) => void): void {
  if (lstatSync(path, { throwIfNoEntry: false })) return;
  const unfinished = `${path}.new`;
  make(unfinished);
  if (process.getuid?.() === 0) chownSync(unfinished, uid, gid);
  renameSync(unfinished, path);
}
