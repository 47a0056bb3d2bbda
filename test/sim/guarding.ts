/**
 * What is promised about the information-flow guard: once an owner has said that an agent sees private things, nothing that
 * the agent says is shown where strangers read along, until the owner lets it through. In rooms everybody is a stranger.
 */
import type { Machine } from "./world/machine.ts";
import { TERMINAL } from "./world/people.ts";
import type { Shown } from "./world/platform.ts";

export interface GuardAct {
  do: "guard";
  /** Off: the owner lets everything through, and what was held is sent after all. */
  on: boolean;
}

/** How often an owner tries again what could not be done, and how often it is looked whether strangers were heard, milliseconds. */
const AGAIN = 1_000;
/** What was on its way when the guard came up may arrive for so long: as long as a full database is left alone, and its way. */
const ON_ITS_WAY = 2_500;

/** It stands in the place of an answer that was held, as a notice: beside the others, so not in their order. */
export const isHeld = ({ text }: Pick<Shown, "text">): boolean => text.startsWith("The answer was held back");

export class Guarding {
  readonly #machine: Machine;
  /** Since when what an agent says must be held, in simulated milliseconds, by its group; and what had been let go before. */
  readonly #held = new Map<string, { since: number; letGo: Set<string> }>();
  /** Messages that were let through after they had been held: they come when their time is over. */
  readonly #late = new Set<string>();
  /** What the owner said last. */
  #wanted = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  act({ on }: GuardAct): void {
    this.#wanted += 1;
    const { world } = this.#machine;
    world.trace.add("owner", on ? "says that the agents see private things" : "lets through what was held");
    if (!on) this.#held.clear();
    for (const { id, folder } of this.#groups()) void this.#say(this.#wanted, id, folder, on);
  }

  /** Whether it was let through late, or is a part of what was. */
  isLate({ key }: Pick<Shown, "key">): boolean {
    return this.#late.has(key.split("#")[0] ?? "");
  }

  /** A platform shows this from now on. */
  shown(channel: string, { chat, author, key, text }: Shown): void {
    const { world } = this.#machine;
    if (author !== "agent" || !this.#machine.setup.places.some((one) => one.channel === channel && one.chat === chat))
      return;
    const session = key.split(":")[0] ?? "";
    const [row] = this.#machine.look<{ id: string }>("SELECT agent_group_id AS id FROM sessions WHERE id=?", session);
    const held = this.#held.get(row?.id ?? "");
    if (!held || held.letGo.has(key) || world.time.now <= held.since + ON_ITS_WAY) return;
    world.broken("what must be held is not shown", `${channel}/${chat}: ${key}: ${text.slice(0, 80)}`);
  }

  /** Repeats as a person does who is told that it could not be done now. */
  async #say(wanted: number, id: string, folder: string, on: boolean): Promise<void> {
    const { host, words, world } = this.#machine;
    const { running } = host;
    const { signal } = new AbortController();
    const ask = (verb: "guard.private" | "guard.on" | "guard.off" | "outbox.retry", args: Record<string, unknown>) =>
      running?.life.alive
        ? running.executor.execute({ kind: "operator" }, verb, args, signal)
        : Promise.reject(new Error("nobody is there"));
    try {
      await ask(on ? "guard.on" : "guard.off", { group: folder });
      if (on) await ask("guard.private", { what: folder });
      else {
        for (const { row, key, session, number } of this.#heldRows(id)) {
          this.#late.add(key);
          const done = words.letThrough(session, number);
          await ask("outbox.retry", { id: row }).finally(done);
        }
      }
      if (on && wanted === this.#wanted) this.#watch(wanted, id);
    } catch {
      world.time.after(world.outside, AGAIN, () => {
        if (wanted === this.#wanted) void this.#say(wanted, id, folder, on);
      });
    }
  }

  /** It is to be held from when a stranger was heard as well. */
  #watch(wanted: number, id: string): void {
    const { world } = this.#machine;
    if (wanted !== this.#wanted) return;
    const heard = this.#machine.look(
      "SELECT 1 FROM guard_labels WHERE agent_group_id=? AND side='untrusted' LIMIT 1",
      id,
    );
    if (heard.length === 0) {
      world.time.after(world.outside, AGAIN, () => this.#watch(wanted, id));
      return;
    }
    const letGo = this.#machine.look<{ key: string; over: string | null }>(
      "SELECT o.key, (SELECT d.key FROM outbox d WHERE d.id = o.over) AS over FROM outbox o WHERE o.state='sending'",
    );
    this.#held.set(id, { since: world.time.now, letGo: new Set(letGo.flatMap(({ key, over }) => [key, over ?? key])) });
  }

  /** What the owner was told of: answers of the group that were held, the last of them. */
  #heldRows(group: string): { row: number; key: string; session: string; number: number }[] {
    return this.#machine.look(
      `SELECT o.id AS row, o.key, o.session_id AS session, o.number FROM outbox o JOIN sessions s ON s.id = o.session_id WHERE s.agent_group_id=? AND o.state='dead'
         AND o.kind <> 'draft' AND EXISTS (SELECT 1 FROM outbox n WHERE n.key = 'held:' || o.id) ORDER BY o.id DESC LIMIT 3`,
      group,
    );
  }

  #groups(): { id: string; folder: string }[] {
    return this.#machine.look("SELECT id, folder FROM agent_groups");
  }

  /** At the end of a run. */
  atTheEnd(): void {
    const [held] = this.#machine.look<{ times: number }>(
      "SELECT count(*) AS times FROM outbox WHERE key LIKE 'held:%'",
    );
    this.#machine.world.tally.count("an answer was held by the guard", held?.times ?? 0);
    const open = this.#machine.look<{ key: string }>(
      "SELECT key FROM outbox WHERE key LIKE 'held:%' AND channel=? LIMIT 1",
      TERMINAL,
    );
    if (open[0]) this.#machine.world.broken("in a chat without strangers nothing is held", open[0].key);
  }
}
