/** What agents say and ask for, as texts that can be told apart, and what is promised about verbs and receipts. */
import type { OutboundRow } from "../../protocol/rows.ts";
import type { Machine } from "./world/machine.ts";
import type { Deed } from "./world/script.ts";

/** Words of a long text, and of each of its paragraphs. */
const WORDS = 80;
const PARAGRAPH = 17;
/** A task that an agent makes is due this much later, milliseconds. */
const DUE_MS: [number, number] = [3_000, 60_000];

interface Asked {
  verb: string;
  args: Record<string, unknown>;
}

/** What a receipt says of a message, and the states that its rows have then. */
const RECEIPTS: [RegExp, (states: string[]) => boolean][] = [
  [/^(?:message|the \w+) (\d+) was delivered$/, (states) => states.every((state) => state === "sent")],
  [/^(?:message|the \w+) (\d+) was not delivered: /, (states) => states.includes("dead")],
  [/^whether (?:message|the \w+) (\d+) arrived is not known/, (states) => states.includes("unknown")],
];

export class Words {
  /** Verbs in rows that runners have committed, and final texts of turns, by session and number. */
  readonly asked = new Map<string, Asked>();
  readonly finals = new Map<string, string>();
  /** The content of the file of a message, by session and number. */
  readonly filesOf = new Map<string, string>();
  readonly #machine: Machine;
  /** With which message each receipt was told. */
  readonly #toldWith = new Map<string, number>();
  /** The last message with which may have been told what held before it was let through. */
  readonly #letThrough = new Map<string, number>();
  #count = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A text that is said nowhere else. */
  fresh(text: string): string {
    this.#count += 1;
    return `n${this.#count}: ${text}`;
  }

  /** A text whose words are numbered. */
  long(text: string): string {
    const name = this.fresh("").slice(0, -2);
    const words = Array.from({ length: WORDS }, (_, i) => `${name}.${i}${i % PARAGRAPH === 0 ? "\n\n" : " "}`);
    return `${text} ${words.join("")}`.trim();
  }

  /** @param known the numbers of what the agent said and heard last */
  of(deed: Deed, id: string, { said, heard, where }: { said: number | null; heard: number; where: string }): Asked {
    const { world } = this.#machine;
    if (deed === "send-long") return { verb: "messages.send", args: { text: this.long(this.fresh(`said for ${id}`)) } };
    // The very same when the work is taken up again: then it is said once all the same.
    const same = `same for ${id}, ${where}.${heard}`;
    const words = Array.from({ length: WORDS }, (_, i) => `${same}.${i}`).join(" ");
    const text = heard % 4 === 0 ? words : same;
    if (deed === "send-same") return { verb: "messages.send", args: { text } };
    if (deed === "send-file") return { verb: "messages.send", args: { text: `${text} with a file`, file: text } };
    if (deed === "edit" && said !== null) {
      const text = this.fresh(`changed for ${id}`);
      return { verb: "messages.edit", args: { message: said, text } };
    }
    if (deed === "react") return { verb: "messages.react", args: { message: said ?? heard, emoji: "👍" } };
    if (deed === "schedule") {
      const at = new Date(world.wall() + world.rng.int(...DUE_MS)).toISOString().replace("Z", "+00:00");
      const task = { name: this.fresh("task"), prompt: "asked-for 1x10", at, missed: "latest" };
      return { verb: "tasks.add", args: { ...task, session: world.rng.pick(["own", "chat"]) } };
    }
    return { verb: "messages.send", args: { text: this.fresh(`said for ${id}`) } };
  }

  /** A runner has committed rows. */
  outboundCommitted(session: string, rows: OutboundRow[]): void {
    for (const { n, body } of rows) {
      if (body.kind === "verb") {
        this.asked.set(`${session}:${n}`, { verb: body.verb, args: body.args });
        const text = String(body.args.text ?? "");
        if (body.args.files) this.filesOf.set(`${session}:${n}`, text.replace(/ with a file$/, ""));
      }
      if (body.kind === "turn_ended" && body.outcome.status !== "error") {
        this.finals.set(`${session}:${n}`, body.outcome.text);
      }
    }
  }

  /**
   * A person lets a held message through: what was told of it up to now was true, and what becomes of it is told once more.
   * @returns to be called when that is done
   */
  letThrough(session: string, number: number): () => void {
    const name = `${session}:${number}`;
    this.#letThrough.set(name, Number.POSITIVE_INFINITY);
    return () => {
      const sql = "SELECT coalesce(max(number), 0) AS last FROM inbox WHERE session_id=?";
      this.#letThrough.set(name, this.#machine.look<{ last: number }>(sql, session)[0]?.last ?? 0);
      this.#toldWith.delete(name);
    };
  }

  /** A runner has read receipts with message `n`. */
  told(session: string, n: number, receipts: string[]): void {
    for (const receipt of receipts) {
      const [claim] = RECEIPTS.flatMap(([pattern, holds]) => {
        const number = pattern.exec(receipt)?.[1];
        return number ? [{ number: Number(number), holds }] : [];
      });
      if (!claim) {
        this.#broken("a receipt is told once and is true", `not understood: ${receipt}`);
        return;
      }
      const name = `${session}:${claim.number}`;
      if (n <= (this.#letThrough.get(name) ?? 0)) continue;
      const before = this.#toldWith.get(name) ?? n;
      this.#toldWith.set(name, n);
      const sql = "SELECT state FROM outbox WHERE session_id=? AND number=?";
      const states = this.#machine.look<{ state: string }>(sql, session, claim.number).map(({ state }) => state);
      const what = `with message ${n} of ${session}: ${receipt} (${states.join()})`;
      if (before !== n) this.#broken("a receipt is told once and is true", `${what}, told with ${before} before`);
      else if (states.length === 0 || !claim.holds(states)) this.#broken("a receipt is told once and is true", what);
    }
  }

  /** At the end of a run. */
  atTheEnd(): void {
    const runs = this.#machine.look<{ session: "own" | "chat"; times: number }>(
      "SELECT t.session_mode AS session, count(*) AS times FROM task_runs JOIN scheduled_tasks t ON t.id = task_id GROUP BY t.session_mode",
    );
    for (const { session, times } of runs) {
      const where = session === "own" ? "a task ran in a session of its own" : "a task ran in its chat's session";
      this.#machine.world.tally.count(where, times);
    }
    const twice = this.#machine.look<{ name: string }>(
      "SELECT name FROM scheduled_tasks GROUP BY name HAVING count(*) > 1",
    );
    if (twice[0]) this.#broken("a verb is carried out once", `there are two of ${twice[0].name}`);
    const again = this.#machine.look<{ id: string }>(
      "SELECT task_id AS id FROM task_runs WHERE state = 'done' GROUP BY task_id HAVING count(*) > 1",
    );
    if (again[0]) this.#broken("a one-shot task is done once", `task ${again[0].id}`);
    const cursors = this.#machine.look<{ id: string; cursor: number }>(
      "SELECT id, outbound_cursor AS cursor FROM sessions",
    );
    for (const { id, cursor } of cursors) {
      for (const [name, { verb, args }] of this.asked) {
        const [session, number] = name.split(":");
        if (session !== id || Number(number) > cursor || verb !== "messages.send") continue;
        // Not every platform takes files; and what a cut-off turn has said already is known by its number.
        if (args.files) continue;
        const said = "SELECT 1 FROM outbox WHERE key=? OR coalesce(whole, text)=?";
        if (this.#machine.look(said, name, String(args.text)).length === 0) {
          this.#broken("a verb is carried out once", `what row ${name} asked to say was never recorded`);
        }
      }
    }
  }

  #broken(promise: string, detail: string): void {
    this.#machine.world.broken(promise, detail);
  }
}
