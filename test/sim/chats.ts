/** What people see in their chats, and what is promised about it. */
import type { Address } from "../../src/store/address.ts";
import { isHeld } from "./guarding.ts";
import { checkOutgoing } from "./outgoing.ts";
import type { Machine } from "./world/machine.ts";
import { type Said, TERMINAL } from "./world/people.ts";
import { isDraft, MARK, type Shown } from "./world/platform.ts";

interface OutboxRow {
  id: number;
  position: number;
  kind: string;
  platformId: string | null;
  key: string;
  state: string;
  notice: number;
  answers: string;
  /** For how long it was tried, on the clock on the wall, until it had arrived. */
  triedFor: number;
}

/** As in src/store/outbox.ts: so long a message that can't be delivered holds up the others. */
const HOLDS = 10 * 60_000;

/** To the others. The clock may have been set: that is how long it took for all the host can know. */
const gaveWay = ({ triedFor }: OutboxRow) => triedFor >= HOLDS;

export class Chats {
  readonly #machine: Machine;
  /** What the terminal's chats show, read once for each look around. */
  readonly #terminals = new Map<string, Shown[]>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Whether everything that was said has come to an end, and nothing is on its way. */
  get settled(): boolean {
    this.#terminals.clear();
    const { people, platforms, questions } = this.#machine;
    if (!questions.settled) return false;
    if (!platforms.every(({ settled }) => settled)) return false;
    const open = "SELECT 1 FROM outbox WHERE state IN ('pending','sending','retry') UNION ALL";
    const unfinished = "SELECT 1 FROM inbox WHERE state IN ('queued','in_turn') AND engages = 1 UNION ALL";
    const tasks = "SELECT 1 FROM scheduled_tasks WHERE state='active' LIMIT 1";
    if (this.#machine.look(`${open} ${unfinished} ${tasks}`).length > 0) return false;
    return people.said.every((said) => this.#hasEnded(said));
  }

  /** What was said longer ago than `limit` has its end. */
  checkLateness(limit: number): void {
    this.#terminals.clear();
    const { people, world } = this.#machine;
    const late = people.said.find((said) => said.at + limit < world.time.now && !this.#hasEnded(said));
    if (late) {
      const where = `${late.place.channel}/${late.place.chat}`;
      this.#broken("a busy chat does not starve the others", `${late.id} in ${where} waits for more than ${limit} ms`);
    }
  }

  check(): void {
    this.#terminals.clear();
    for (const said of this.#machine.people.said) this.#checkEnd(said);
    for (const place of this.#machine.setup.places) {
      this.#checkRepeats(place);
      this.#checkOutboxOrder(place);
      this.#checkAnswerOrder(place);
    }
    this.#checkSent();
    const byId = new Map<string, Map<string, Shown>>();
    for (const place of this.#machine.setup.places) {
      const known = byId.get(place.channel) ?? new Map<string, Shown>();
      byId.set(place.channel, known);
      for (const shown of this.#shownIn(place)) known.set(shown.platformId, shown);
    }
    checkOutgoing(this.#machine, (channel) => byId.get(channel) ?? new Map());
  }

  /** Every agent that has heard it has ended it. */
  #hasEnded(said: Said): boolean {
    return this.#withoutEnd(said) === null;
  }

  /** Who has heard it and not ended it; where nobody has heard it yet, nobody has ended it. */
  #withoutEnd(said: Said): string | null {
    const hearers = this.#hearers(said);
    // What was cleared away had its end; so had what a task said.
    if (hearers.length === 0) return this.#ends(said).length > 0 || this.#deadLetter(said) ? null : "nobody";
    if (hearers.length < this.#agentsIn(said)) return "an agent that never heard it";
    return (
      hearers.find((session) => this.#ends(said, session).length === 0 && !this.#deadLetter(said, session)) ?? null
    );
  }

  /** A task speaks to one agent only. */
  #agentsIn({ place, platformId }: Said): number {
    return place.channel === TERMINAL || platformId?.startsWith("task:") ? 1 : this.#machine.setup.agents;
  }

  #hearers({ place, platformId }: Said): string[] {
    return this.#machine
      .look<{ session: string }>(
        `SELECT DISTINCT i.session_id AS session FROM inbox i JOIN inbound_events e ON e.id = i.event_id
         WHERE e.channel=? AND e.chat=? AND e.platform_id=?`,
        ...[place.channel, place.chat, platformId],
      )
      .map(({ session }) => session);
  }

  #checkEnd(said: Said): void {
    const where = `${said.id} in ${said.place.channel}/${said.place.chat}`;
    const open = this.#withoutEnd(said);
    if (open !== null) {
      const what = `${where} has no end (platform id ${said.platformId}, ${open})`;
      this.#broken("every accepted message ends visibly", what);
    }
    for (const session of new Set(this.#ends(said).map((shown) => this.#sessionOf(shown)))) {
      // What was stopped ends with what the agent had, and with the word that it was stopped.
      // What was held may be let through later.
      const first = this.#ends(said, session).filter(
        (shown) => !MARK.test(shown.text) && !/^Stopped/.test(shown.text) && !isHeld(shown),
      );
      if (first.length > Math.max(this.#timesHeard(said), 1)) {
        this.#broken("every accepted message ends once", `${where}: ${first.map(({ text }) => text).join(" | ")}`);
      }
    }
  }

  /** A message that was changed is heard again. */
  #timesHeard({ place, platformId }: Said): number {
    return this.#machine.look(
      "SELECT 1 FROM inbound_events WHERE channel=? AND chat=? AND platform_id=?",
      ...[place.channel, place.chat, platformId],
    ).length;
  }

  /** Where nothing went wrong the agent answered, and nobody had to be told of more than a wait for a place. */
  checkUndisturbed(): void {
    for (const { chat, channel, thread } of this.#machine.setup.places) {
      const notice = this.#shownIn({ chat, channel, thread }).find(
        ({ author, text }) => author === "system" && !/has to wait/.test(text),
      );
      if (notice) this.#broken("undisturbed, the agent answers", `${channel}/${chat}: ${notice.text}`);
    }
  }

  /** The same message may be shown again only where it says so. */
  #checkRepeats(place: Address): void {
    const seen = new Set<string>();
    for (const { key, author, text, answers } of this.#shownIn(place)) {
      if (MARK.test(text) || isDraft({ text })) continue;
      // Notices may well have the same words.
      for (const name of author === "agent" ? [key, `${text} ${answers}`] : [key]) {
        if (seen.has(name))
          this.#broken("nothing is said twice", `${place.channel}/${place.chat}: ${key}: ${text.slice(0, 80)}`);
        seen.add(name);
      }
    }
  }

  /** What is shown in a conversation has the order of the outbox; so have its notices, which go beside the messages. */
  #checkOutboxOrder(place: Address): void {
    const rows = new Map(this.#outbox(place).map((row) => [row.key, row]));
    const last = [0, 0];
    for (const shown of this.#shownIn(place)) {
      const row = rows.get(shown.key);
      if (!row) {
        this.#broken("what is said was recorded", `${place.channel}/${place.chat}: ${shown.key}`);
        continue;
      }
      if (this.#machine.guarding.isLate(shown) || gaveWay(row)) continue;
      const before = last[row.notice] ?? 0;
      if (row.position < before && !MARK.test(shown.text)) {
        this.#broken("the outbox keeps its order", `${place.channel}/${place.chat}: ${row.position} after ${before}`);
      }
      last[row.notice] = Math.max(before, row.position);
    }
  }

  /** Within a session an earlier message is not answered after a later one. One that was changed may be, at its change's place. */
  #checkAnswerOrder(place: Address): void {
    const rows = this.#machine.look<{ platformId: string; session: string; number: number }>(
      `SELECT e.platform_id AS platformId, i.session_id AS session, i.number FROM inbox i
       JOIN inbound_events e ON e.id = i.event_id WHERE e.channel=? AND e.chat=? AND e.thread IS ?
       GROUP BY e.platform_id, i.session_id HAVING count(*) = 1`,
      ...[place.channel, place.chat, place.thread],
    );
    const open = new Map(rows.map((row) => [`${row.session} ${row.platformId}`, row]));
    const late = new Set(
      this.#outbox(place)
        .filter(gaveWay)
        .map(({ key }) => key),
    );
    const last = new Map<string, number>();
    for (const shown of this.#shownIn(place)) {
      if (this.#machine.guarding.isLate(shown) || isHeld(shown) || late.has(shown.key)) continue;
      for (const id of shown.answers) {
        const name = `${this.#sessionOf(shown)} ${id}`;
        const row = open.get(name);
        if (!row) continue;
        open.delete(name);
        const before = last.get(row.session) ?? 0;
        last.set(row.session, row.number);
        if (row.number < before) {
          this.#broken("answers keep the order of messages", `${place.channel}/${place.chat}: ${id} after ${before}`);
        }
      }
    }
  }

  /** A row that counts as sent was shown. */
  #checkSent(): void {
    for (const place of this.#machine.setup.places) {
      const ids = new Set(this.#shownIn(place).map(({ platformId }) => platformId));
      for (const { key, kind, state, platformId } of this.#outbox(place)) {
        if (state === "sent" && kind !== "reaction" && !ids.has(platformId ?? ""))
          this.#broken("sent means shown", `${key} was not shown`);
      }
    }
  }

  /** Messages that answer it, in the order in which they were shown. */
  #ends({ place, platformId }: Said, session?: string): Shown[] {
    if (platformId === null) return [];
    return this.#shownIn(place).filter(
      (shown) => shown.answers.includes(platformId) && (session === undefined || this.#sessionOf(shown) === session),
    );
  }

  /** It was answered, but the platform let the answer be given up, and the outbox shows that. */
  #deadLetter({ place, platformId }: Said, session?: string): boolean {
    const platform = this.#machine.platforms.find(({ id }) => id === place.channel);
    return this.#outbox(place).some(
      ({ key, state, answers }) =>
        (session === undefined || this.#sessionOf({ key }) === session) &&
        (state === "dead" || state === "unknown") &&
        platform?.gaveUp(key) &&
        (JSON.parse(answers) as string[]).includes(platformId ?? ""),
    );
  }

  /** Whose word it is; what stands in the place of one that is held names that one. */
  #sessionOf({ key }: { key: string }): string {
    const [first = "", row = ""] = key.split(":");
    if (first !== "held") return first;
    const sql = "SELECT session_id AS session FROM outbox WHERE id=?";
    return this.#machine.look<{ session: string | null }>(sql, Number(row))[0]?.session ?? first;
  }

  #shownIn(place: Address): Shown[] {
    if (place.channel === TERMINAL) return this.#terminal(place);
    const platform = this.#machine.platforms.find(({ id }) => id === place.channel);
    return platform?.shown.filter(({ chat, thread }) => chat === place.chat && thread === place.thread) ?? [];
  }

  #terminal({ chat, thread }: Address): Shown[] {
    const known = this.#terminals.get(chat);
    if (known) return known;
    const shown = this.#machine
      .look<Omit<Shown, "answers" | "files"> & { answers: string }>(
        "SELECT n AS platformId, author, text, answers, substr(key, 6) AS key FROM terminal_messages WHERE chat=? AND author<>'person' ORDER BY n",
        chat,
      )
      .map((row) => ({
        ...row,
        ...{ chat, thread, files: [] },
        platformId: String(row.platformId),
        answers: (JSON.parse(row.answers) as number[]).map(String),
      }));
    this.#terminals.set(chat, shown);
    return shown;
  }

  #outbox({ channel, chat, thread }: Address): OutboxRow[] {
    return this.#machine.look(
      `SELECT id, position, kind, platform_id AS platformId, key, state, notice, answers,
         coalesce(ended_at - tried_since, 0) AS triedFor FROM outbox
       WHERE channel=? AND chat=? AND thread IS ?`,
      ...[channel, chat, thread],
    );
  }

  #broken(promise: string, detail: string): void {
    this.#machine.world.broken(promise, detail);
  }
}
