/** The containers of one installation, as the engine itself tells, by their label. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface EngineEvent {
  action: string;
  id: string;
  name: string;
  session: string;
}

const run = promisify(execFile);
const LOOKS = "measuring";

async function docker(...args: string[]): Promise<string[][]> {
  const { stdout } = await run("docker", args);
  const lines = stdout.split("\n").filter(Boolean);
  return lines.map((line) => line.split(" "));
}

export class Containers {
  readonly #label: string;
  readonly #bornAt = Date.now();

  constructor(installation: string) {
    this.#label = `label=nanoclaw.installation=${installation}`;
  }

  /** Those of sessions, running or not. @param all also those that look into workspaces (parts/quota), of no session */
  async list(all = false): Promise<{ id: string; session: string; state: string }[]> {
    const format = '{{.ID}} {{.Label "nanoclaw.session"}} {{.State}}';
    const lines = await docker("ps", "-a", "--filter", this.#label, "--format", format);
    const there = lines.map(([id = "", session = "", state = ""]) => ({ id, session, state }));
    return there.filter(({ session }) => all || session !== LOOKS);
  }

  /** What began and ended since this object was made, oldest first. */
  async events(): Promise<EngineEvent[]> {
    const format =
      '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{index .Actor.Attributes "nanoclaw.session"}}';
    const time = [`--since=${this.#bornAt / 1000}`, `--until=${Date.now() / 1000}`];
    const filters = [this.#label, "type=container", "event=start", "event=die"].flatMap((one) => ["--filter", one]);
    const lines = await docker("events", ...time, ...filters, "--format", format);
    const events = lines.map(([action = "", id = "", name = "", session = ""]) => ({ action, id, name, session }));
    return events.filter(({ session }) => session !== LOOKS);
  }

  async kill(session: string): Promise<void> {
    for (const one of await this.list()) {
      // It may have ended by itself meanwhile.
      if (one.session === session) await docker("kill", one.id).catch(() => {});
    }
  }

  /** Stands still until it is killed. */
  async pause(session: string): Promise<void> {
    for (const one of await this.list()) if (one.session === session) await docker("pause", one.id);
  }

  async remove(): Promise<void> {
    const ids = (await this.list(true)).map(({ id }) => id);
    if (ids.length > 0) await docker("rm", "-f", ...ids).catch(() => {});
  }
}
