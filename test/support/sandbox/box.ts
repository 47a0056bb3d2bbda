/** A place on disk with all that a session's container mounts, and one call that runs a script in such a container. */
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Exit, Sandbox, SandboxDriver, SandboxSpec } from "../../../src/sandbox/sandbox.ts";
import { type SessionContainer, sessionSpec } from "../../../src/sandbox/spec.ts";

/** The uid that the containers run as: the test's own, or an unprivileged one where that is root. */
export const UID = process.getuid?.() || 70_001;

export interface Box<Driver extends SandboxDriver = SandboxDriver> {
  driver: Driver;
  dir: string;
  labels: Record<string, string>;
  /** The spec of a container that runs this shell script. */
  spec(script: string, more?: Partial<SessionContainer>): SandboxSpec;
  /** Starts a shell script in a container; what it writes to stderr comes with its exit. */
  start(script: string, more?: Partial<SessionContainer>): Promise<Sandbox>;
  run(script: string, more?: Partial<SessionContainer>): Promise<Exit>;
  /** Takes the folders away. Containers are the caller's. */
  removeFolders(): void;
}

let boxes = 0;

export function boxOf<Driver extends SandboxDriver>(
  driver: Driver,
  image: string,
  runtime: string | null,
): Box<Driver> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "nanoclaw-box-")));
  for (const name of ["in", "out", "config", "provider", "workspace", "run"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "in/inbound.db"), "from the host");
  for (const name of ["out/outbound.db", "out/outbound.db-journal"]) writeFileSync(join(dir, name), "");
  for (const name of ["out/outbound.db", "out/outbound.db-journal", "provider", "workspace"]) {
    chownSync(join(dir, name), UID, UID);
  }
  boxes += 1;
  const installation = `test${process.pid}-${boxes}${runtime ?? ""}`;
  let count = 0;
  const spec = (script: string, more: Partial<SessionContainer> = {}) => {
    count += 1;
    return sessionSpec({
      ...{ installation, session: `s-${count}`, image, runtime, timeZone: "Europe/Berlin" },
      user: { uid: UID, gid: UID },
      sources: {
        root: resolve(import.meta.dirname, "../../.."),
        inboundDir: join(dir, "in"),
        outboundDb: join(dir, "out/outbound.db"),
        outboundJournal: join(dir, "out/outbound.db-journal"),
        configDir: join(dir, "config"),
        providerDir: join(dir, "provider"),
        workspace: join(dir, "workspace"),
        socketDir: join(dir, "run"),
      },
      labels: { "nanoclaw.test": "1" },
      command: ["sh", "-c", script],
      ...more,
    });
  };
  const start = (script: string, more?: Partial<SessionContainer>) => driver.start(spec(script, more));
  return {
    ...{ driver, dir, labels: { "nanoclaw.installation": installation }, spec, start },
    run: async (script, more) => (await start(script, more)).exited,
    removeFolders: () => rmSync(dir, { recursive: true }),
  };
}
