/**
 * What is promised about questions put to an owner, who has a chat of their own on one of the platforms: requests that a
 * rule says to ask about, and people who are not known in a club. Each is answered at most once, with its effect, or expires.
 */
import type { UserId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import type { Machine } from "./world/machine.ts";
import { MARK } from "./world/platform.ts";
import { scriptText } from "./world/script.ts";

export type OwnerAct =
  /** An agent's request waits at the door; those with the same number are equal. */
  | { do: "ask at the door"; which: number }
  | { do: "stranger says"; who: number; id: string }
  /** The owner answers the oldest question: rightly, by an old button, or as somebody who is none. */
  | { do: "answer"; choice: string; by: "word" | "button" | "command" | "old button" | "stranger" };

const OWN = "own";
const CLUB = "club";
/** When an owner looks again, milliseconds. */
const LATER = 30_000;

interface Asked {
  id: number;
  kind: string;
  state: string;
  askedAt: number;
  choice: string | null;
  payload: string;
  hash: string;
  usedAt: number | null;
}

export class Questions {
  readonly #machine: Machine;
  /** Requests that were let through, by their path. */
  readonly #through = new Map<string, number>();
  /** What strangers said: who, and the platform's id of it. */
  readonly #said: { who: string; platformId: string }[] = [];
  /** Every value that a button of a question had. */
  readonly #values = new Set<string>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The owner's own chat and the club, on the owner's platform; and a rule that says to ask. */
  furnish(store: Store, platform: string, agentGroup: Parameters<Store["groups"]["agentGroup"]>[0], now: number): void {
    const owner = `${platform}:owner` as UserId;
    store.users.put({ id: owner, name: "The owner", timeZone: "UTC" }, now);
    store.users.grantOwner(owner);
    const room = (chat: string) => ({ id: `m-${chat}` as never, channel: platform, chat });
    store.groups.addMessagingGroup({ ...room(OWN), unknownSenderPolicy: "strict", directUser: owner });
    store.groups.addMessagingGroup({ ...room(CLUB), unknownSenderPolicy: "request_approval" });
    store.groups.wire(room(CLUB).id, { agentGroup, engageMode: "always", sessionMode: "shared" });
    store.db.run(
      `INSERT INTO egress_rules (agent_group_id, host, port, scheme, methods, path, action, private_network, trusted, created_at)
       VALUES (?, 'example.org', 443, 'https', '["*"]', '/**', 'ask', 0, 0, ?)`,
      ...[agentGroup, now],
    );
  }

  act(act: OwnerAct): void {
    if (!this.#machine.setup.owner) return;
    if (act.do === "ask at the door") this.#ask(act.which);
    else if (act.do === "stranger says") this.#say(act.who, act.id);
    else this.#answer(act.choice, act.by);
  }

  #ask(which: number): void {
    const { host, world } = this.#machine;
    const { running } = host;
    const [session] = this.#machine.look<{ id: string; agentGroup: string }>(
      `SELECT id, agent_group_id AS agentGroup FROM sessions
       WHERE agent_group_id = (SELECT agent_group_id FROM egress_rules) ORDER BY created_at, id LIMIT 1`,
    );
    if (!running?.life.alive || !session) return;
    const path = `/${which}`;
    const request = { host: "example.org", port: 443, scheme: "https", method: "POST", path, upgrade: null } as const;
    const client = new AbortController();
    if (world.rng.chance(0.3))
      world.time.after(world.outside, world.rng.int(100, 60_000), () => running.life.alive && client.abort());
    world.time.after(running.life, 1, () => {
      const asking = running.door.egress.decide(
        { ...session, uid: 1000 },
        { ...request, placeholders: [] },
        client.signal,
      );
      void asking.then((verdict) => {
        world.trace.add("door", `${path}: ${verdict.allow ? "let through" : verdict.message}`);
        if (!verdict.allow || !running.life.alive) return;
        this.#through.set(path, (this.#through.get(path) ?? 0) + 1);
        this.#checkThrough();
      });
    });
  }

  #say(who: number, id: string): void {
    const platform = this.#platform();
    const text = scriptText({ ...PLAIN, id });
    const user = `${platform.id}:stranger-${who}`;
    this.#said.push({ who: user, platformId: platform.say(CLUB, null, text, { user }) });
  }

  #answer(choice: string, by: (OwnerAct & { do: "answer" })["by"]): void {
    const { world } = this.#machine;
    const platform = this.#platform();
    const [oldest] = this.#asked().filter(({ state }) => state === "pending");
    const id = oldest?.id ?? 1;
    const owner = `${platform.id}:owner`;
    world.trace.add("owner", `answers question ${id} by ${by}: ${choice}`);
    if (by !== "stranger") this.#count(oldest);
    if (by === "word") platform.say(OWN, null, `/approve ${id} ${choice}`, { user: owner, direct: true });
    else if (by === "stranger")
      platform.say(CLUB, null, `/approve ${id} ${choice}`, { user: `${platform.id}:someone` });
    else if (by === "command") this.#command(id, choice);
    else {
      const value = by === "old button" ? [...this.#values][0] : this.#button(id);
      if (value) void platform.press(OWN, owner, value).then((answer) => this.#checkPressed(value, answer));
    }
  }

  #count(pending: Asked | undefined): void {
    const { world, host } = this.#machine;
    if (!pending) {
      if (this.#asked().length > 0) world.tally.count("a question was answered again");
      return;
    }
    world.tally.count("a question was answered");
    const upFor = world.time.now - (host.running?.since ?? world.time.now);
    if (pending.askedAt < world.wall() - upFor) world.tally.count("a question was answered after a restart");
  }

  #command(id: number, choice: string): void {
    const { running } = this.#machine.host;
    if (!running?.life.alive) return;
    const { signal } = new AbortController();
    const asked = { question: id, choice };
    running.executor.execute({ kind: "operator" }, "approvals.answer", asked, signal).catch(() => {});
  }

  #button(id: number): string | undefined {
    const [row] = this.#machine.look<{ buttons: string }>("SELECT buttons FROM outbox WHERE key=?", `approval:${id}`);
    const values = (JSON.parse(row?.buttons ?? "[]") as { value: string }[]).map(({ value }) => value);
    for (const value of values) this.#values.add(value);
    return values[0];
  }

  /** Nothing goes wrong any more: the owner comes to what still waits for them, but requests wait only for their own time. */
  calm(): void {
    const { world, setup } = this.#machine;
    if (!setup.owner) return;
    for (const { id, kind, state } of this.#asked())
      if (kind === "sender" && state === "pending") this.#command(id, world.rng.pick(["yes", "no"]));
    // What a stranger said may still be on its way to the host, and be asked about only then.
    if (!this.settled || !this.#platform().settled) world.time.after(world.outside, LATER, () => this.calm());
  }

  /** Whether none waits any more. */
  get settled(): boolean {
    return this.#machine.look("SELECT 1 FROM approvals WHERE state='pending' LIMIT 1").length === 0;
  }

  /** At the end of a run. */
  atTheEnd(): void {
    if (!this.#machine.setup.owner) return;
    if (!this.settled) this.#broken("every question has its end", "one still waits");
    this.#checkThrough();
    this.#checkStrangers();
    this.#checkShown();
  }

  /** What went out was allowed by an answer, and by each "once" only once. */
  #checkThrough(): void {
    const asked = this.#asked().filter(({ kind }) => kind === "egress");
    for (const [path, times] of this.#through) {
      const about = asked.filter(
        ({ payload, state }) => state === "granted" && (JSON.parse(payload) as { path: string }).path === path,
      );
      const endless = about.some(({ choice }) => choice !== "once");
      const once = about.filter(({ choice, usedAt }) => choice === "once" && usedAt !== null).length;
      if (!endless && times > once)
        this.#broken("nothing goes out without its own yes", `${path} went out ${times} times, ${once} were allowed`);
    }
  }

  /** After a yes everything that waited is heard once; else nothing of it is kept. */
  #checkStrangers(): void {
    const left = this.#machine.look("SELECT 1 FROM held_events").length;
    if (left > 0) this.#broken("what is held is heard or forgotten", `${left} messages still wait`);
    const members = new Set(
      this.#machine.look<{ id: string }>("SELECT user_id AS id FROM members").map(({ id }) => id),
    );
    for (const { who, platformId } of this.#said) {
      const sql = "SELECT 1 FROM inbound_events WHERE chat=? AND platform_id=?";
      const heard = this.#machine.look(sql, CLUB, platformId).length;
      if (heard > 0 && !members.has(who)) this.#broken("who is not let in is not heard", `${platformId} of ${who}`);
    }
    const granted = this.#asked().filter(({ kind, state }) => kind === "sender" && state === "granted").length;
    if (granted !== members.size)
      this.#broken("an answer has its effect", `${granted} let in, ${members.size} members`);
    const denied = this.#asked().filter(({ kind, state }) => kind === "sender" && state === "denied").length;
    const refused = this.#machine.look("SELECT 1 FROM refused").length;
    if (denied !== refused) this.#broken("an answer has its effect", `${denied} said no to, ${refused} refused`);
  }

  /** Nobody finds the same buttons twice, marked or not: no person has asked for that here. */
  #checkShown(): void {
    const seen = new Set<string>();
    for (const { chat, text, key } of this.#platform().shown) {
      if (chat !== OWN || !key.startsWith("approval:") || key.endsWith(":end")) continue;
      const words = text.replace(MARK, "");
      const asks = this.#machine.look("SELECT 1 FROM outbox WHERE key=? AND buttons<>'[]'", key).length > 0;
      if (asks && seen.has(key)) this.#broken("no question is put twice", `${key}: ${words}`);
      seen.add(key);
    }
  }

  #checkPressed(value: string, answer: string | null): void {
    const id = Number(/^approve:(\d+)/.exec(value)?.[1]);
    const state = this.#asked().find((one) => one.id === id)?.state;
    if (answer !== null && !answer.startsWith("Nothing") && state === "pending")
      this.#broken("who answered is told so when it is durable", `question ${id}: ${answer}`);
  }

  #asked(): Asked[] {
    return this.#machine.look(
      "SELECT id, kind, state, asked_at AS askedAt, choice, payload, hash, used_at AS usedAt FROM approvals ORDER BY id",
    );
  }

  #platform() {
    const platform = this.#machine.platforms.find(({ id }) => id === this.#machine.setup.owner);
    if (!platform) throw new Error("the owner has no platform");
    return platform;
  }

  #broken(promise: string, detail: string): void {
    this.#machine.world.broken(promise, detail);
  }
}

const PLAIN = {
  loops: false,
  ...{ steps: 1, ms: 10, tools: 0, hangs: null, dies: false, alone: true },
  ...{ silent: false, fails: null, long: false, does: [] },
};
