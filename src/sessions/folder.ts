/**
 * A session's files on the host. What a container can write (`outbound.db`, its journal, the provider's state) is made
 * here once, owned by the container's uid, and never opened by this process again.
 */
import { chownSync, closeSync, fchownSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
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
  };
}

/** Makes what is missing. @param uid the uid of the session's containers. */
export function prepareFolder(folder: SessionFolder, uid: number): void {
  for (const dir of [folder.inDir, join(folder.root, "out"), folder.configDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o755 });
  }
  for (const file of [folder.outboundDb, folder.outboundJournal]) makeOwned(file, uid);
  unlessThere(() => {
    mkdirSync(folder.providerDir, { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(folder.providerDir, uid, uid);
  });
}

/** Writes the runner's config and instructions, each whole or not at all. */
export function writeConfig(folder: SessionFolder, config: RunnerConfig, instructions: string): void {
  for (const [name, text] of [
    ["config.json", JSON.stringify(config)],
    ["instructions.md", instructions],
  ] as const) {
    const file = join(folder.configDir, name);
    writeFileSync(`${file}.new`, text, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  }
}

function makeOwned(file: string, uid: number): void {
  unlessThere(() => {
    const descriptor = openSync(file, "wx", 0o600);
    try {
      if (process.getuid?.() === 0) fchownSync(descriptor, uid, uid);
    } finally {
      closeSync(descriptor);
    }
  });
}

function unlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
