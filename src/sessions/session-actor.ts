/**
 * One session with its container: carries out what the state machine decides. Everything that happens to the session
 * comes in as an event, one after the other; nothing else changes its state.
 */

import { join } from "node:path";
import type { AgentTool } from "../../protocol/config.ts";
import { exitCode } from "../../protocol/exit-code.ts";
import type { Progress } from "../../protocol/rows.ts";
import { tellOwner } from "../access/owner.ts";
import { composeInstructions, readMcpServers } from "../agents/compose.ts";
import type { Audit } from "../audit/audit.ts";
import type { Door, OpenDoor } from "../gateway/door.ts";
import { type Clock, sleep, type Timer } from "../lib/clock.ts";
import { EngineError, Misuse, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { runErrand } from "../sandbox/errand.ts";
import type { Exit, Sandbox, SandboxDriver, SandboxSpec } from "../sandbox/sandbox.ts";
import type { AgentGroup } from "../store/groups.ts";
import { EVERYWHERE, type Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import type { Admission } from "./admission.ts";
import { alreadyDone } from "./already-done.ts";
import type { Applied, CarryOut } from "./apply.ts";
import { Drain, type DrainEnd } from "./drain.ts";
import { Feed, type FeedSource, type Mailbox } from "./feed.ts";
import type { SessionFiles } from "./files.ts";
import {
  dropInbound,
  prepareFolder,
  type SessionFolder,
  sessionFolder,
  setAsideOutbound,
  writeConfig,
} from "./folder.ts";
import { endStopped, judge } from "./judge.ts";
import { coolingTime, type Effect, next, type SessionEvent, type StateName, type Timers } from "./machine.ts";
import type { MailboxReaders } from "./mailbox-readers.ts";
import { cannotStart, containersFail, receipts } from "./notices.ts";
import type { Tripwire } from "./tripwire.ts";

export interface ActorParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
  driver: SandboxDriver;
  door: Door;
  readers: MailboxReaders;
  /** The group that `readers` run as, or null where they run as the host does. */
  readersGroup: number | null;
  /** Opens the host's own mailbox file of a session. */
  openMailbox(path: string): Mailbox;
  timers: Timers;
  sessionsDir: string;
  groupsDir: string;
  runDir: string;
  /** The labels by which this installation's containers are found again. */
  labels: Record<string, string>;
  /** What the container gets. */
  specOf(plan: ContainerPlan): SandboxSpec;
  /** The verbs that agents have as tools. */
  tools: AgentTool[];
  carryOut: CarryOut;
  tripwire: Tripwire;
  files: Pick<SessionFiles, "of" | "take">;
  onProgress(session: Session, progress: Progress): void;
}

export interface ContainerPlan {
  session: Session;
  group: AgentGroup;
  folder: SessionFolder;
  groupFolder: string;
  socketDir: string;
  timeZone: string;
  errand: Errand | null;
}

/** What a one-shot container is for: its runner rolls its own mailbox back, or what was written there is removed. */
export type Errand = "recovery" | "clearing";

/** Grace before a container is killed, milliseconds. */
const STOP_GRACE = 3_000;
/** Until an engine that could not end a container is asked again, milliseconds. */
const STOP_AGAIN = 5_000;
/** A half commit is undone in so much, milliseconds; a file of any size takes far less. */
const ROLL_BACK_LIMIT = 60_000;
/** While something waits or runs, a look at the mailbox this often is the net under the bell. */
const NET_INTERVAL = 2_000;
/** A session that never runs out of work gives its slot away after so long, when another waits for one. */
const SLOT_TIME = 2 * 60_000;
/** A finished turn's rows leave the mailbox this much later, off the way of the answer. */
const SETTLE_AFTER = 30;
/** How many tries the agent makes on a failing model request. */
const MODEL_RETRIES = 3;
/** Failures in a row after which the owner hears of it. */
const TELL_OWNER_AFTER = 3;
/** Without a sign of life of a working runner, milliseconds. */
const LIFE_LIMIT = 45_000;
/** How long a turn may wait for its model, and a tool may take that sets itself no limit, milliseconds. */
const MODEL_BUDGET = 5 * 60_000;
const TOOL_BUDGET = 30 * 60_000;
/** The runner ends an overlong turn itself, by so much before the host would end its container, milliseconds. */
const TURN_MARGIN = 60_000;

export class SessionActor {
  readonly session: Session;
  readonly #parts: ActorParts;
  readonly #admission: Admission;
  readonly #folder: SessionFolder;
  readonly #drain: Drain;
  readonly #log: Log;
  #state: StateName = "cold";
  /** When the state was entered. */
  since: number;
  #timer: Timer | null = null;
  #net: Timer | null = null;
  #settle: Timer | null = null;
  #life: Timer | null = null;
  #sandbox: Sandbox | null = null;
  #feed: Feed | null = null;
  #door: OpenDoor | null = null;
  /** Since when it has had a container. */
  #slotSince = 0;
  #failures = 0;
  #idleDeaths = 0;
  #tookUp = false;
  /** Why the container is being ended, when it is the host's doing. */
  #stopCause = "";
  #lastCause = "NanoClaw was restarted";
  /** False where an earlier container may still run, or what it left is not taken yet. */
  #settled = true;
  #closing = false;
  #whenCold: (() => void)[] = [];
  #whenFinished: (() => void)[] = [];

  constructor(session: Session, parts: ActorParts, admission: Admission) {
    this.session = session;
    this.#parts = parts;
    this.#admission = admission;
    this.#log = parts.log.child({ session: session.id });
    this.since = parts.clock.now();
    this.#folder = sessionFolder(parts.sessionsDir, session);
    this.#drain = new Drain(
      parts,
      session,
      this.#folder,
      {
        onApplied: (events) => {
          for (const { type } of events) this.#tookIn(type);
        },
        onProgress: (progress) => {
          this.#lifeSign();
          parts.onProgress(session, progress);
        },
        onViolation: (why) => {
          this.#log.warn({ why }, "the runner broke the protocol; its container is ended");
          this.#end(`it was stopped: ${why}`);
        },
      },
      this.#log,
    );
  }

  get state(): StateName {
    return this.#state;
  }

  get hasWork(): boolean {
    return this.#parts.store.inbox.hasWork(this.session.id);
  }

  /** Its container has nothing to do. */
  get isIdle(): boolean {
    return (this.#state === "ready" || this.#state === "resting") && !this.hasWork;
  }

  get #isWithoutContainer(): boolean {
    return this.#state === "cold" || this.#state === "waiting" || this.#state === "cooling";
  }

  /** What holds its messages up, in words for people. */
  get whyItWaits(): string {
    switch (this.#state) {
      case "starting":
        return "my container is still starting";
      case "busy":
        return "I am still at what you asked before";
      case "ready":
      case "resting":
        return "my container does not answer; it is given a little more time";
      default:
        return `my container can't be had right now (${this.#lastCause})`;
    }
  }

  /** Something new is in the inbox. */
  work(): void {
    this.#turnToChat();
    this.#feedRunner((feed) => feed.project());
    this.#watch();
    this.handle("work");
  }

  /** One conversation over many chats speaks in another with each (see `Inbox`). */
  #turnToChat(): void {
    const { id, conversation } = this.session;
    if (conversation === EVERYWHERE) Object.assign(this.session, this.#parts.store.sessions.session(id));
  }

  /** What was said up to now was stopped: the runner is told, or, where none has it yet, that is its end. */
  stopWork(): void {
    if (this.#feed) {
      this.#feedRunner((feed) => feed.project());
      this.#endHeld(this.#feed);
    } else if (this.#isWithoutContainer && this.#settled) this.#judge("");
  }

  /** What was stopped and is not in the mailbox, being beyond its window or of another chat, must not be taken up later. */
  #endHeld(feed: Feed): void {
    const { store, clock } = this.#parts;
    const from = feed.stoppedBefore();
    if (from === null) return;
    this.#kept(() => endStopped(store, this.session.id, null, clock.now(), from));
  }

  /** Ends its container, whatever it does: what comes then is a conversation of its own. */
  renew(): void {
    if (!this.#isWithoutContainer) this.#end("a new conversation was asked for");
  }

  /** Takes over a container that outlived the host's earlier process. */
  async adopt(sandbox: Sandbox): Promise<void> {
    if (!this.#isWithoutContainer) return;
    this.#admission.hold(this.session.id);
    this.handle("adopted");
    await this.#takeOn(sandbox);
  }

  /** Attaches to a container that runs already; one that can't be talked to is ended. */
  async #takeOn(sandbox: Sandbox): Promise<void> {
    this.#log.info({ container: sandbox.name }, "container found running");
    this.#attach(sandbox);
    try {
      await this.#openSides();
      if (this.#parts.store.sessions.isToBeginAnew(this.session.id)) this.renew();
    } catch (error) {
      this.#end(`its mailbox could not be opened: ${messageOf(error)}`);
    }
  }

  /** Takes over what an earlier process of the host left, where no container runs any more. */
  async recover(): Promise<void> {
    if (!this.#isWithoutContainer) return;
    await this.#recover(this.#lastCause);
    if (this.hasWork) this.work();
  }

  /** Gives the runner nothing new; resolves when no turn runs. */
  finish(): Promise<void> {
    if (this.#feed) this.#feed.paused = true;
    if (this.#state !== "busy") return Promise.resolve();
    return new Promise((resolve) => this.#whenFinished.push(resolve));
  }

  /** Ends the container; resolves when it is gone and what it left is taken. */
  shutdown(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenCold.push(resolve);
      this.#stopCause = "NanoClaw was stopped";
      this.#closing = true;
      this.handle("stop");
      this.#settleWaiters();
    });
  }

  handle(event: SessionEvent): void {
    const before = this.#state;
    if (this.#closing && (before === "cold" || before === "cooling")) return;
    const step = next(before, event, this.hasWork || !this.#settled);
    if (step.state !== before) {
      this.#log.debug({ from: before, to: step.state, event }, "session");
      this.#state = step.state;
      this.since = this.#parts.clock.now();
      this.#armTimer();
      for (const resolve of before === "busy" ? this.#whenFinished.splice(0) : []) resolve();
      if (step.state === "starting") this.#slotSince = this.since;
    }
    for (const effect of step.effects) this.#do(effect);
    if (this.isIdle) this.#admission.idle();
    this.#settleWaiters();
  }

  #do(effect: Effect): void {
    switch (effect) {
      case "ask_slot":
        this.#admission.ask(this.session.id, () => this.handle("slot"));
        break;
      case "leave_queue":
        this.#admission.leave(this.session.id);
        break;
      case "release_slot":
        this.#admission.release(this.session.id);
        break;
      case "start":
        void this.#start();
        break;
      case "rest":
        this.#feedRunner((feed) => feed.control("rest"));
        break;
      case "stop":
        void this.#stop();
        break;
    }
  }

  /** Ends the container; asks again for as long as the engine does not do it. */
  async #stop(): Promise<void> {
    const sandbox = this.#sandbox;
    while (sandbox && this.#sandbox === sandbox) {
      try {
        return await sandbox.stop(STOP_GRACE);
      } catch (error) {
        this.#log.warn({ error: messageOf(error) }, "the container could not be ended; it is tried again");
        await sleep(this.#parts.clock, STOP_AGAIN);
      }
    }
  }

  async #start(): Promise<void> {
    const { store, driver } = this.#parts;
    try {
      const group = store.groups.agentGroup(this.session.agentGroup);
      if (!group) throw new Error(`no agent group ${this.session.agentGroup}`);
      const groupFolder = join(this.#parts.groupsDir, group.folder);
      const earlier = this.#settled ? null : await this.#takeOver();
      if (!earlier && !this.hasWork) return this.#notNeeded();
      this.#tookUp = false;
      this.#stopCause = "";
      if (earlier) return await this.#takeOn(earlier);
      prepareFolder(this.#folder, group.uid, this.#parts.readersGroup);
      store.sessions.begun(this.session.id);
      this.#writeConfig(group, groupFolder);
      await this.#openSides();
      const sandbox = await driver.start(this.#parts.specOf(this.#plan(group, groupFolder, null)));
      this.#log.info({ container: sandbox.name }, "container started");
      this.#attach(sandbox);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "container could not be started");
      // The engine's answer may have been lost, and the container may run.
      this.#settled = false;
      this.#failures += 1;
      this.sayCannotStart(error);
      this.handle("start_failed");
      await this.#closeSides();
      this.handle("recovered");
    }
  }

  /** Tells the conversation, once for what waits now, that its container can't be started. */
  sayCannotStart(error: unknown): void {
    const [first] = this.#parts.store.inbox.unfinished(this.session.id, 0, 1);
    if (!first) return;
    const ownHint = error instanceof EngineError || error instanceof Misuse ? error.hint : "";
    const hint = ownHint || "`ncl logs` shows more.";
    const { store, clock } = this.#parts;
    const { id } = this.session;
    const said = { text: cannotStart(messageOf(error), hint), key: `${id}:start:${first.number}` };
    this.#kept(() => {
      store.inbox.tell(id);
      store.outbox.notify({ ...said, sessionId: id, address: this.session }, clock.now());
    });
    this.#lastCause = messageOf(error);
    this.#tellOwner();
  }

  #tellOwner(): void {
    if (this.#failures < TELL_OWNER_AFTER) return;
    const { store, clock } = this.#parts;
    try {
      tellOwner(store, "containers", containersFail(this.#lastCause), this.session, clock.now());
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "the owner could not be told");
    }
  }

  /** What the session was woken for has come to its end without a container. */
  #notNeeded(): void {
    this.handle("start_failed");
    this.handle("recovered");
  }

  #writeConfig(group: AgentGroup, groupFolder: string): void {
    const { store } = this.#parts;
    writeConfig(
      this.#folder,
      {
        provider: group.provider,
        model: group.model,
        assistantName: group.name,
        timeZone: store.users.timeZone(),
        mcpServers: readMcpServers(groupFolder),
        continuation: store.sessions.continuation(this.session.id, group.provider),
        outboundCursor: store.sessions.session(this.session.id)?.outboundCursor ?? 0,
        modelRetries: MODEL_RETRIES,
        budgets: { model: MODEL_BUDGET, tool: TOOL_BUDGET, turn: this.#parts.timers.busy - TURN_MARGIN },
        tools: this.#parts.tools,
      },
      composeInstructions(groupFolder, group.name),
      this.#parts.door.trust(),
    );
  }

  #plan(group: AgentGroup, groupFolder: string, errand: Errand | null): ContainerPlan {
    return {
      session: this.session,
      group,
      folder: this.#folder,
      groupFolder,
      socketDir: join(this.#parts.runDir, this.session.id),
      timeZone: this.#parts.store.users.timeZone(),
      errand,
    };
  }

  /** The mailbox and the socket: what a container talks to. */
  async #openSides(): Promise<void> {
    const { store, clock } = this.#parts;
    const { id } = this.session;
    this.#feed ??= this.#openFeed({
      unfinished: (limit) => store.inbox.unfinished(id, 0, limit),
      outboundCursor: () => store.sessions.session(id)?.outboundCursor ?? 0,
      alreadyDone: () => alreadyDone(store.turns, id),
      receipts: ({ number }) => receipts(store.outbox.outcomes(id, number)),
      files: (row) => this.#parts.files.of(this.session, this.#folder, row, () => this.work()),
      answers: (after) => store.calls.answers(id, after),
      stoppedUpTo: () => store.sessions.stoppedUpTo(id),
      nextNumber: () => store.sessions.nextNumber(id, clock.now()),
    });
    const uid = store.groups.agentGroup(this.session.agentGroup)?.uid ?? 0;
    this.#door ??= await this.#parts.door.open(
      { id, agentGroup: this.session.agentGroup, uid },
      join(this.#parts.runDir, id),
      {
        onRing: () => void this.#drain.look(),
        onFile: async (name, bytes) =>
          this.#parts.files.take(this.#folder, name, this.#parts.tripwire.file(this.session, name, bytes)),
        onBell: (connected) => {
          if (!connected) return;
          this.handle("connected");
          // A container that was found running may be in the middle of a turn.
          if (store.turns.running(id) !== null) this.handle("turn_began");
          this.#door?.ring();
          void this.#drain.look();
        },
      },
    );
  }

  /** What is damaged is made anew: a projection can be. */
  #openFeed(source: FeedSource): Feed {
    const open = () => {
      const mailbox = this.#parts.openMailbox(this.#folder.inboundDb);
      try {
        return new Feed(mailbox, source);
      } catch (error) {
        mailbox.close();
        throw error;
      }
    };
    try {
      return open();
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, "the inbound mailbox can't be used; it is made anew");
      dropInbound(this.#folder);
      return open();
    }
  }

  async #closeSides(): Promise<void> {
    this.#feed?.close();
    this.#feed = null;
    const door = this.#door;
    this.#door = null;
    this.#settle?.cancel();
    this.#life?.cancel();
    this.#life = null;
    this.#net?.cancel();
    this.#net = null;
    await door?.close();
  }

  /** Writes to the runner's inbound mailbox and rings when something is new. What fails is tried again by the net. */
  #feedRunner(write: (feed: Feed) => boolean): void {
    if (!this.#feed) return;
    // A container that is being ended must not begin anything, the next one gets it; but what is stopped it must hear of.
    if (this.#state === "stopping") this.#feed.paused = true;
    try {
      if (write(this.#feed)) this.#door?.ring();
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "the inbound mailbox can't be written; it is tried again");
    }
  }

  #attach(sandbox: Sandbox): void {
    this.#sandbox = sandbox;
    if (this.#state === "stopping") void this.#stop();
    this.#watch();
    void sandbox.exited.then(async (exit) => {
      this.#sandbox = null;
      const cause = this.#stopCause || causeOf(exit);
      this.#log.info({ code: exit.code, outOfMemory: exit.outOfMemory, stderr: exit.stderr, cause }, "container ended");
      this.handle("exited");
      await this.#recover(cause, exit);
      this.handle("recovered");
    });
  }

  /** @returns the session's container, if one runs after all; otherwise takes what the last one left. */
  async #takeOver(): Promise<Sandbox | null> {
    const { driver, labels } = this.#parts;
    const [found] = await driver.survivors({ ...labels, "nanoclaw.session": this.session.id });
    this.#settled = found !== undefined;
    if (!found) await this.#recover(this.#lastCause);
    if (!this.#settled) throw new Error("what its last container left could not be taken over");
    return found?.sandbox ?? null;
  }

  /**
   * In this order: take everything that was committed, apply it, and only then judge what has no end. Where one of them
   * can't be done now, the session stays unsettled, and the next start begins with it.
   */
  async #recover(cause: string, death: Exit | null = null): Promise<void> {
    this.#lastCause = cause;
    const look = await this.#drain.look();
    const end = look === "hot" ? await this.#rollBack() : look;
    await this.#closeSides();
    if (end === "violated" || (end === "drained" && death?.code === exitCode.outbox)) this.#renewOutbox();
    if (death && !this.#tookUp && this.hasWork) {
      this.#idleDeaths += 1;
      this.#failures += 1;
    }
    this.#settled = (end === "drained" || end === "violated") && this.#judge(cause);
    if (!this.#settled) this.#failures += 1;
    this.#tellOwner();
  }

  /** What a runner can't open or the host can't read stays so for every next one. */
  #renewOutbox(): void {
    try {
      setAsideOutbound(this.#folder);
      this.#log.warn(
        { file: `${this.#folder.outboundDb}.damaged` },
        "the outbound mailbox can't be used; it was set aside",
      );
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "the outbound mailbox could not be set aside");
    }
  }

  /** @returns false where it could not be recorded. */
  #judge(cause: string): boolean {
    const { store, audit, clock } = this.#parts;
    try {
      this.#turnToChat();
      judge(store, audit, this.session, cause, this.#idleDeaths, clock.now());
      // What was given up is no reason to give up the next message at its first failure.
      if (!this.hasWork) this.#idleDeaths = 0;
      return true;
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "what became of the turn could not be kept; it is tried again");
      return false;
    }
  }

  /** The runner was cut off in a commit: a one-shot runner, in the container where its file belongs, undoes the half. */
  async #rollBack(): Promise<DrainEnd> {
    const group = this.#parts.store.groups.agentGroup(this.session.agentGroup);
    if (!group) return "violated";
    const plan = this.#plan(group, join(this.#parts.groupsDir, group.folder), "recovery");
    try {
      const { driver, clock, specOf } = this.#parts;
      const exit = await runErrand(driver, clock, specOf(plan), ROLL_BACK_LIMIT);
      if (exit.code !== 0) throw new Error(`recovery ended with code ${exit.code}: ${exit.stderr}`);
      this.#log.info("the outbound mailbox was rolled back: its runner had been cut off in a commit");
      return await this.#drain.look();
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "the outbound mailbox could not be rolled back");
      return "hot";
    }
  }

  #tookIn(type: Applied["type"]): void {
    this.#tookUp = true;
    this.#lifeSign();
    this.#turnToChat();
    if (type === "answered") return void this.#feedRunner((feed) => feed.project());
    if (type === "turn_ended") {
      this.#failures = 0;
      this.#idleDeaths = 0;
      // With the turn the conversation may have turned to another chat, of which the runner has nothing yet.
      if (this.#feed) this.#endHeld(this.#feed);
      this.#settle?.cancel();
      this.#settle = this.#parts.clock.after(SETTLE_AFTER, () => this.#feedRunner((feed) => feed.settle()));
    }
    this.handle(type);
  }

  #end(cause: string): void {
    this.#stopCause = cause;
    if (this.#state === "busy" || this.#state === "starting") this.handle("timeout");
    else this.handle("stop");
  }

  /** The net under the bell: runs only while something waits or works. */
  #watch(): void {
    if (this.#net) return;
    this.#net = this.#parts.clock.after(NET_INTERVAL, () => {
      this.#net = null;
      if (!this.#sandbox || !this.hasWork) return;
      this.#shareSlot();
      if (!this.#life) this.#lifeSign();
      this.#feedRunner((feed) => feed.project());
      void this.#drain.look();
      this.#watch();
    });
  }

  /**
   * When another waits for its slot, the runner is given nothing new, and stopped when it has come to the end of what it
   * has: one look later at the earliest, when it has surely taken that up.
   */
  #shareSlot(): void {
    const feed = this.#feed;
    if (!feed) return;
    const enough = this.#parts.clock.now() - this.#slotSince > SLOT_TIME && this.#admission.waiting > 0;
    if (feed.paused && enough) this.handle("yield");
    feed.paused = enough;
  }

  /** A runner with work takes it up, and shows life every ten seconds. One that does not, twice in a row, is frozen. */
  #lifeSign(missed = 0): void {
    this.#life?.cancel();
    if (!this.#sandbox) return;
    this.#life = this.#parts.clock.after(LIFE_LIMIT, () => {
      this.#life = null;
      if (!this.hasWork) return;
      if (missed > 0) return this.#end("it gave no sign of life");
      // The machine itself may have slept: the runner gets the same time again.
      this.#lifeSign(missed + 1);
      void this.#drain.look();
    });
  }

  #armTimer(): void {
    this.#timer?.cancel();
    const { timers, clock } = this.#parts;
    const lasts: Partial<Record<StateName, number>> = {
      ...timers,
      cooling: coolingTime(this.#failures),
    };
    const ms = lasts[this.#state];
    this.#timer = ms === undefined ? null : clock.after(ms, () => this.#timeout());
  }

  #timeout(): void {
    if (this.#state === "starting") this.#stopCause = "it did not come up in time";
    if (this.#state === "busy") this.#stopCause = "it took too long";
    this.handle("timeout");
  }

  #settleWaiters(): void {
    if (this.#state !== "cold" && this.#state !== "cooling") return;
    const waiters = this.#whenCold;
    this.#whenCold = [];
    for (const resolve of waiters) resolve();
  }

  /** Says something together with what it says. */
  #kept(say: () => void): void {
    try {
      this.#parts.store.db.transaction(say);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "a notice could not be kept");
    }
  }
}

/** Why a container ended, in words for people. */
export function causeOf(exit: Exit): string {
  if (exit.outOfMemory) return "it ran out of memory";
  if (exit.code === 137) return "it was killed";
  if (exit.code === exitCode.stuck) return "its agent did not let go of what it was stuck in";
  return `it ended with code ${exit.code}`;
}
