/** A place on disk with all that a session's container mounts, and one call that runs a script in such a container. */
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DockerDriver } from "../../drivers/docker/driver.ts";
import type { Exit, Sandbox, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { type SessionContainer, sessionSpec } from "../../src/sandbox/spec.ts";

export const IMAGE = process.env.NANOCLAW_TEST_IMAGE ?? "nanoclaw-agent:latest";
/** The uid that the containers run as: the test's own, or an unprivileged one where that is root. */
export const UID = process.getuid?.() || 70_001;

export interface Box {
  driver: DockerDriver;
  dir: string;
  labels: Record<string, string>;
  /** The spec of a container that runs this shell script. */
  spec(script: string, more?: Partial<SessionContainer>): SandboxSpec;
  /** Starts a shell script in a container; what it writes to stderr comes with its exit. */
  start(script: string, more?: Partial<SessionContainer>): Promise<Sandbox>;
  run(script: string, more?: Partial<SessionContainer>): Promise<Exit>;
  close(): void;
}

export function openBox(runtime: string | null, driver = new DockerDriver()): Box {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "nanoclaw-box-")));
  for (const name of ["in", "out", "config", "provider", "workspace", "run"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "in/inbound.db"), "from the host");
  for (const name of ["out/outbound.db", "out/outbound.db-journal"]) writeFileSync(join(dir, name), "");
  for (const name of ["out/outbound.db", "out/outbound.db-journal", "provider", "workspace"]) {
    chownSync(join(dir, name), UID, UID);
  }
  const installation = `test${process.pid}${runtime ?? ""}`;
  const labels = { "nanoclaw.installation": installation };
  let count = 0;

  const spec = (script: string, more: Partial<SessionContainer> = {}) => {
    count += 1;
    return sessionSpec({
      ...{ installation, session: `s-${count}`, image: IMAGE, runtime, timeZone: "Europe/Berlin" },
      user: { uid: UID, gid: UID },
      sources: {
        root: resolve(import.meta.dirname, "../.."),
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
    ...{ driver, dir, labels, spec, start },
    run: async (script, more) => (await start(script, more)).exited,
    close() {
      driver.close();
      const left = docker("ps", "-aq", "--filter", `label=nanoclaw.installation=${installation}`).split("\n");
      if (left[0]) docker("rm", "-f", ...left);
      rmSync(dir, { recursive: true });
    },
  };
}

export function docker(...args: string[]): string {
  return execFileSync("docker", args, { encoding: "utf8" }).trim();
}
