/** The containers of one installation, as the engine itself tells, by their label. */
import { type Call, call, engineSocket } from "../../drivers/docker/connection.ts";

export interface EngineEvent {
  action: string;
  id: string;
  name: string;
  session: string;
}

interface Listed {
  Id: string;
  Labels: Record<string, string>;
  State: string;
}

interface Happened {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

const SESSION = "nanoclaw.session";
const LOOKS = "measuring";
const DEADLINE = 60_000;

/** Asks the engine itself: a `docker` process for each question would cost more than what is tested. */
async function ask(method: Call["method"], path: string, query: Record<string, string>) {
  return call(engineSocket(), { method, path: `${path}?${new URLSearchParams(query)}`, deadline: DEADLINE });
}

async function asked(path: string, query: Record<string, string>): Promise<string> {
  const { status, body } = await ask("GET", path, query);
  if (status !== 200) throw new Error(`the engine answers ${path} with ${status}: ${body}`);
  return body.toString();
}

/** On a busy machine the freezer of cgroup v1 gives up, with everything thawed, and leaves it to the caller to ask again. */
async function freeze(id: string): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    const { status, body } = await ask("POST", `/containers/${id}/pause`, {});
    if (status === 204) return;
    if (!body.includes("unable to freeze") || Date.now() > deadline)
      throw new Error(`the engine does not pause ${id}: ${body}`);
  }
}

export class Containers {
  readonly #label: string;
  readonly #bornAt = Date.now();

  constructor(installation: string) {
    this.#label = `nanoclaw.installation=${installation}`;
  }

  /** Those of sessions, running or not. @param all also those that look into workspaces (parts/quota), of no session */
  async list(all = false): Promise<{ id: string; session: string; state: string }[]> {
    const filters = JSON.stringify({ label: [this.#label] });
    const found = JSON.parse(await asked("/containers/json", { all: "true", filters })) as Listed[];
    const there = found.map(({ Id, Labels, State }) => ({ id: Id, session: Labels[SESSION] ?? "", state: State }));
    return there.filter(({ session }) => all || session !== LOOKS);
  }

  /** What began and ended since this object was made, oldest first. */
  async events(): Promise<EngineEvent[]> {
    const filters = JSON.stringify({ label: [this.#label], type: ["container"], event: ["start", "die"] });
    const time = { since: String(this.#bornAt / 1000), until: String(Date.now() / 1000) };
    const lines = (await asked("/events", { ...time, filters })).split("\n").filter(Boolean);
    const events = lines.map((line) => {
      const { Action: action, Actor } = JSON.parse(line) as Happened;
      const { name = "", [SESSION]: session = "" } = Actor.Attributes;
      return { action, id: Actor.ID, name, session };
    });
    return events.filter(({ session }) => session !== LOOKS);
  }

  /** One that has ended by itself meanwhile stays so. */
  async kill(session: string): Promise<void> {
    for (const one of await this.list())
      if (one.session === session) await ask("POST", `/containers/${one.id}/kill`, {});
  }

  /** Stands still until it is killed. */
  async pause(session: string): Promise<void> {
    for (const one of await this.list()) if (one.session === session) await freeze(one.id);
  }

  async remove(): Promise<void> {
    for (const { id } of await this.list(true)) await ask("DELETE", `/containers/${id}`, { force: "true" });
  }
}
