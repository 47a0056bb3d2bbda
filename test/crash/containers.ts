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

  /** All there are, running or not. */
  async list(): Promise<{ id: string; session: string; state: string }[]> {
    const format = '{{.ID}} {{.Label "nanoclaw.session"}} {{.State}}';
    const lines = await docker("ps", "-a", "--filter", this.#label, "--format", format);
    return lines.map(([id = "", session = "", state = ""]) => ({ id, session, state }));
  }

  /** What began and ended since this object was made, oldest first. */
  async events(): Promise<EngineEvent[]> {
    const format =
      '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{index .Actor.Attributes "nanoclaw.session"}}';
    const time = [`--since=${this.#bornAt / 1000}`, `--until=${Date.now() / 1000}`];
    const filters = [this.#label, "type=container", "event=start", "event=die"].flatMap((one) => ["--filter", one]);
    const lines = await docker("events", ...time, ...filters, "--format", format);
    return lines.map(([action = "", id = "", name = "", session = ""]) => ({ action, id, name, session }));
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
    const ids = (await this.list()).map(({ id }) => id);
    if (ids.length > 0) await docker("rm", "-f", ...ids).catch(() => {});
  }
}
