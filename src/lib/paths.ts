/** Where this installation keeps things. An installation is a project folder: two clones never meet. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export interface Paths {
  /** The project folder. */
  root: string;
  /** The agent's image: a tag of this installation's own, so that two clones don't change each other's. */
  image: string;
  /** Eight hex digits that tell this installation from others on the machine. */
  installation: string;
  data: string;
  database: string;
  logs: string;
  sessions: string;
  groups: string;
  /** Sockets: short, private to the user, gone after a reboot. */
  run: string;
  controlSocket: string;
  /** Outside the project and outside every mount: keys. */
  config: string;
  vaultKey: string;
}

/** @param root the project folder; the environment decides where run and config folders are (XDG). */
export function pathsOf(root = resolve(import.meta.dirname, "../.."), env = process.env): Paths {
  const real = realpathSync(root);
  const data = env.NANOCLAW_DATA ? resolve(env.NANOCLAW_DATA) : join(real, "data");
  const groups = env.NANOCLAW_DATA ? join(data, "groups") : join(real, "groups");
  const installation = createHash("sha256").update(data).digest("hex").slice(0, 8);
  const uid = process.getuid?.() ?? 0;
  const run = env.NANOCLAW_RUN
    ? resolve(env.NANOCLAW_RUN)
    : uid === 0
      ? `/run/nanoclaw/${installation}`
      : env.XDG_RUNTIME_DIR
        ? join(env.XDG_RUNTIME_DIR, `nanoclaw-${installation}`)
        : `/tmp/nanoclaw-${uid}-${installation}`;
  const config = join(env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "nanoclaw", installation);
  return {
    root: real,
    image: env.NANOCLAW_IMAGE ?? `nanoclaw-agent:${installation}`,
    installation,
    data,
    database: join(data, "v2.db"),
    logs: join(data, "logs"),
    sessions: join(data, "sessions"),
    groups,
    run,
    controlSocket: join(run, "control.sock"),
    config,
    vaultKey: join(config, "vault.key"),
  };
}
