/** A store with one agent, wired to a room, for tests of the host's parts; real SQLite in memory. */
import { approvalsPart } from "../../parts/approvals/index.ts";
import { pair } from "../../parts/channels/pairing.ts";
import { Pairings } from "../../parts/channels/pairings.ts";
import { chatCommands } from "../../parts/commands/index.ts";
import { conversationEffects } from "../../parts/conversations/index.ts";
import type { FlowGuard } from "../../src/access/flow-guard.ts";
import { Audit } from "../../src/audit/audit.ts";
import type { Acceptance } from "../../src/channels/channel.ts";
import { type Effects, Executor } from "../../src/control/execute.ts";
import type { Commands } from "../../src/inbound/commands.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { AgentGroupId, MessagingGroupId, Random, SessionId, UserId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { Tripwire } from "../../src/sessions/tripwire.ts";
import type { InboundEvent } from "../../src/store/inbox.ts";
import type { Session } from "../../src/store/sessions.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import type { Grant } from "../../src/store/users.ts";

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void) {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Moves on by `ms`, running what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = due.at;
      due.run();
    }
    this.#now = end;
  }
}

/** One that also jumps, as when somebody sets the machine's clock: what is due by `after` does not care. */
export class SettableClock extends ManualClock {
  #ahead = 0;

  constructor(now?: number) {
    super();
    if (now !== undefined) this.#ahead = now - super.now();
  }

  override now(): number {
    return super.now() + this.#ahead;
  }

  jump(ms: number): void {
    this.#ahead += ms;
  }
}

/** Lets everything pass, and remembers nothing. */
export const noGuard: FlowGuard = { heard: () => {}, say: (_session, text) => ({ held: false, text }) };

/** Randomness that repeats: counts up. */
export function countingRandom(): Random {
  let count = 0;
  return {
    token: (length) => {
      count += 1;
      return String(count).padStart(length, "0");
    },
    fraction: () => 0.5,
  };
}

export const AGENT = "a-1" as AgentGroupId;
export const SESSION = "s-1" as SessionId;
export const OWNER = "test:owner" as UserId;

/** What an owner holds. */
export const OWNS: Grant = { role: "owner", agentGroup: null };

/** Nothing that is written is for the host. */
export const noCommands: Commands = { read: () => null, run: () => "" };

/** Those that concern conversations, for people to write. */
export function commandsFor(
  { store, audit }: { store: Store; audit: Audit },
  more: Partial<Pick<Supervisor, "stateOf" | "stopWork" | "renew">>,
): Commands {
  const supervisor = { stateOf: () => "cold" as const, stopWork: () => {}, renew: () => {}, ...more };
  const effects = conversationEffects({ store, supervisor: () => supervisor }) as Effects;
  const executor = new Executor(effects, store, audit);
  return chatCommands({ store, executor: () => executor });
}

/** Lets everything pass. */
export const noTripwire: Tripwire = {
  cut: (_session, _where, value) => value,
  shown: (_session, progress) => progress,
  file: (_session, _name, bytes) => bytes,
};

export function world() {
  const clock = new SettableClock();
  const store = openStore(":memory:");
  const audit = new Audit(store.db, clock);
  const pairings = new Pairings(store.db);
  store.users.put({ id: OWNER, name: "Owner", timeZone: "UTC" }, clock.now());
  store.users.grantOwner(OWNER);
  store.groups.addAgentGroup({
    id: AGENT,
    folder: "main",
    name: "Nano",
    provider: "null",
    model: null,
    runtime: null,
    uid: 1000,
    createdAt: clock.now(),
  });
  const room = "m-1" as MessagingGroupId;
  store.groups.addMessagingGroup({ id: room, channel: "test", chat: "room", unknownSenderPolicy: "strict" });
  store.groups.wire(room, { agentGroup: AGENT, engageMode: "always", sessionMode: "shared" });
  const session: Session = {
    id: SESSION,
    agentGroup: AGENT,
    conversation: "test/room",
    channel: "test",
    chat: "room",
    thread: null,
    runtime: null,
    outboundCursor: 0,
    lastActiveAt: clock.now(),
  };
  store.sessions.add(session);
  let said = 0;
  return {
    clock,
    store,
    audit,
    guard: noGuard,
    session,
    tripwire: noTripwire,
    commands: noCommands,
    approvals: approvalsPart({ store, audit, clock, log: silentLog, edits: () => false }).approvals,
    pairings,
    pair: (event: InboundEvent) => pair({ store, audit, clock, random: countingRandom(), pairings }, event),
    /** Nobody waits at this door. */
    hold: (): Acceptance => ({ status: "refused", why: "nobody is held here" }),
    /** Puts a message straight into the session's inbox. @returns its number. */
    say(text: string, engages = true): number {
      said += 1;
      const event = store.inbox.addEvent({
        channel: "test",
        chat: "room",
        thread: null,
        platformId: `p${said}`,
        revision: 0,
        change: "said",
        files: [],
        script: null,
        author: "person",
        userId: OWNER,
        userName: "Owner",
        text,
        saidAt: clock.now(),
        receivedAt: clock.now(),
      });
      if (event === null) throw new Error("duplicate");
      const number = store.sessions.nextNumber(SESSION, clock.now());
      store.inbox.enqueue(SESSION, number, event, engages);
      if (engages) store.outbox.tellOutcomes(SESSION, number);
      return number;
    },
    /** Everything in the outbox, oldest first, as "author: text". */
    outbox: () =>
      store.outbox
        .list(null, 1000)
        .reverse()
        .map((row) => `${row.author}: ${row.text}`),
  };
}
