/**
 * Keeps workspaces within their limits: watches the disk while an agent has containers, has a container look into its workspace when it may
 * have become too large, and stops what runs when it has. The host itself never looks at what a container wrote.
 */
import { existsSync, mkdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { inside } from "../../protocol/layout.ts";
import { tellOwner } from "../../src/access/owner.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Router } from "../../src/inbound/router.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { EngineError, Misuse, messageOf } from "../../src/lib/errors.ts";
import type { AgentGroupId, Random, SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Sandbox, SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { ActorParts, ContainerPlan } from "../../src/sessions/session-actor.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { QuotaBook } from "./book.ts";
import { type Found, isDue, judge, type Size, type Watched } from "./limits.ts";
import { measure } from "./measure.ts";
import { forAgent, forOwner, full, stopped, type Told } from "./words.ts";

/** Between two looks at the disk, milliseconds: while an agent works, and while its container only stands by. */
const LOOK = 2_000;
const STANDING_BY = 10_000;
/** What is full is looked into anew before a start this often, or as soon as the disk has more room, milliseconds. */
const LOOK_AGAIN = 10 * 60_000;
/** Grace before a container that is stopped is killed, milliseconds. */
const STOP_GRACE = 1_000;
/** Sessions of one agent whose own folders are looked into with its workspace. */
const MOST_SESSIONS = 20;

export type Containers = Pick<ActorParts, "driver" | "labels" | "specOf" | "sessionsDir" | "groupsDir" | "runDir">;

export interface QuotaParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  log: Log;
  containers: Containers;
  router(): Pick<Router, "tell">;
  /** What the file system of a folder has free. */
  freeOf?: (path: string) => Promise<Size>;
}

interface Watch extends Omit<Watched, "free"> {
  group: AgentGroup;
  /** Null before the disk was asked for the first time. */
  free: Size | null;
  live: Map<SessionId, Sandbox>;
  looking: boolean;
}

export class QuotaGuard {
  readonly book: QuotaBook;
  /** The same containers, watched. */
  readonly containers: Containers;
  readonly #parts: Required<QuotaParts>;
  readonly #watches = new Map<AgentGroupId, Watch>();
  /** Specs of sessions' containers, told apart from those of errands. */
  readonly #planned = new WeakMap<SandboxSpec, ContainerPlan>();
  /** Those that were found full: what the disk had free then, and with which limit. */
  readonly #refused = new Map<AgentGroupId, { at: number; free: Size; limit: Size; told: Told }>();
  /** Containers that look into something now. */
  readonly #looking = new Set<Sandbox>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: QuotaParts) {
    this.#parts = { freeOf, ...parts };
    this.book = new QuotaBook(parts.store);
    const { driver, specOf } = parts.containers;
    this.containers = {
      ...parts.containers,
      specOf: (plan) => {
        const spec = specOf(plan);
        if (plan.errand === null) this.#planned.set(spec, plan);
        return spec;
      },
      driver: watching(driver, {
        before: (spec) => {
          const plan = this.#planned.get(spec);
          return plan ? this.#admit(plan.session, plan.group) : Promise.resolve();
        },
        started: (sandbox, spec) => {
          const plan = this.#planned.get(spec);
          if (plan) return this.#watch(plan.session, plan.group, sandbox);
        },
        found: (sandbox, id) => {
          const session = parts.store.sessions.session(id);
          const group = session && parts.store.groups.agentGroup(session.agentGroup);
          if (group) this.#watch(session, group, sandbox);
        },
      }),
    };
  }

  /** Its limit is another now: it is looked into soon. */
  changed(group: AgentGroupId): void {
    const watch = this.#watches.get(group);
    if (watch) watch.left = null;
  }

  /** Resolves when no container looks into anything any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.allSettled([...this.#looking].map((sandbox) => sandbox.stop(0)));
  }

  /** Looks into an agent's workspace now. @throws Misuse where it has never run, or what the engine says */
  async look(group: AgentGroup): Promise<Found> {
    const { store, containers } = this.#parts;
    const ran = (one: Session) => existsSync(sessionFolder(containers.sessionsDir, one).providerDir);
    const session = store.sessions.list(1000).find((one) => one.agentGroup === group.id && ran(one));
    if (!session) throw new Misuse(`the agent "${group.folder}" has not run yet`, "There is nothing to look into.");
    const found = await this.#measure(group, [session.id], false);
    await this.#settle(group, found);
    return found;
  }

  /** @throws EngineError where nothing may start */
  async #admit(session: Session, group: AgentGroup): Promise<void> {
    const known = this.book.known(group.id);
    if (!known.full && !known.found?.hidden) return;
    const { clock, freeOf } = this.#parts;
    const [limit, free, now] = [this.book.limit(group.id), await freeOf(this.#workspaceOf(group)), clock.now()];
    const refused = this.#refused.get(group.id);
    const same = refused && refused.limit.bytes === limit.bytes && refused.limit.files === limit.files;
    const noRoomer = refused && free.bytes <= refused.free.bytes && free.files <= refused.free.files;
    if (refused && same && noRoomer && now - refused.at < LOOK_AGAIN) throw refusal(refused.told);
    const alone = !this.#watches.get(group.id)?.live.size;
    const found = await this.#measure(group, [session.id], alone);
    const verdict = judge(limit, found, known.most);
    if (verdict.state !== "full") {
      this.#refused.delete(group.id);
      const most = verdict.state === "room" ? null : verdict.most;
      this.book.note(group.id, found, clock.now(), most, false);
      return;
    }
    const told = { folder: group.folder, reached: verdict.reached, found, limit, most: verdict.most };
    this.book.note(group.id, found, clock.now(), verdict.most, true);
    this.#refused.set(group.id, { at: clock.now(), free, limit, told });
    throw refusal(told);
  }

  #watch({ id }: Session, group: AgentGroup, sandbox: Sandbox): void {
    const watch = this.#watches.get(group.id) ?? {
      ...{ group, live: new Map<SessionId, Sandbox>(), looking: false },
      ...{ since: this.#parts.clock.now(), free: null, left: null },
    };
    watch.group = group;
    watch.live.set(id, sandbox);
    this.#watches.set(group.id, watch);
    void sandbox.exited.then(() => {
      if (watch.live.get(id) === sandbox) watch.live.delete(id);
    });
    this.#lookIn(LOOK);
  }

  /** A container that lives can write, whether its agent works or not: so the disk is asked for as long as one does. */
  #lookIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer ??= this.#parts.clock.after(ms, () => {
      void this.#lookAtAll().then((works) => {
        this.#timer = null;
        const lives = [...this.#watches.values()].some(({ live }) => live.size > 0);
        if (lives) this.#lookIn(works ? LOOK : STANDING_BY);
      });
    });
  }

  /** @returns whether any of them works */
  async #lookAtAll(): Promise<boolean> {
    const { store, log, clock, freeOf } = this.#parts;
    let any = false;
    for (const watch of this.#watches.values()) {
      if (watch.live.size === 0 || watch.looking) continue;
      const { group } = watch;
      try {
        const works = [...watch.live.keys()].some((id) => store.turns.running(id) !== null);
        any ||= works;
        const free = await freeOf(this.#workspaceOf(group));
        // The first look: from here on it is known what was taken.
        watch.free ??= free;
        if (!isDue({ ...watch, free: watch.free }, free, clock.now(), works, this.book.limit(group.id))) continue;
        // In the background: the others' looks do not wait for it.
        void this.#lookInto(watch, free);
      } catch (error) {
        log.warn({ group: group.folder, error: messageOf(error) }, "the disk under a workspace can't be asked");
      }
    }
    return any;
  }

  async #lookInto(watch: Watch, free: Size): Promise<void> {
    const { log, clock } = this.#parts;
    const { group } = watch;
    watch.looking = true;
    try {
      const found = await this.#measure(group, [...watch.live.keys()].slice(0, MOST_SESSIONS), false);
      log.debug({ group: group.folder, ...found }, "workspace looked into");
      watch.left = await this.#settle(group, found);
    } catch (error) {
      log.warn({ group: group.folder, error: messageOf(error) }, "a workspace could not be looked into");
    }
    watch.since = clock.now();
    watch.free = free;
    watch.looking = false;
  }

  /** What follows from what was found. @returns what it may grow by */
  async #settle(group: AgentGroup, found: Found): Promise<Size> {
    const { store, audit, clock, log } = this.#parts;
    const limit = this.book.limit(group.id);
    const verdict = judge(limit, found, this.book.known(group.id).most);
    const most = verdict.state === "room" ? null : verdict.most;
    const isFull = verdict.state === "full";
    if (verdict.state === "room" || verdict.state === "clearing") {
      this.book.note(group.id, found, clock.now(), most, isFull);
      return verdict.left;
    }
    const told = { folder: group.folder, reached: verdict.reached, found, limit, most: verdict.most };
    // Its sessions share the workspace, so all are stopped; those whose turn is cut off say so.
    const live = [...(this.#watches.get(group.id)?.live ?? [])];
    log.warn({ group: group.folder, ...found, sessions: live.length }, "a workspace is above its limit");
    store.db.transaction(() => {
      const now = clock.now();
      this.book.note(group.id, found, now, most, isFull);
      const resource = `agent group:${group.folder}`;
      const fact = { actor: "system", verb: "quota.stop", resource, decision: "fact" } as const;
      const cause = audit.append({ ...fact, detail: { reached: told.reached, ...found, full: isFull } });
      tellOwner(store, `quota:${group.id}`, forOwner(told), null, now);
      for (const [id] of live) this.#say(id, told, isFull, cause, now);
    });
    const ended = await Promise.allSettled(live.map(([, sandbox]) => sandbox.stop(STOP_GRACE)));
    for (const one of ended)
      if (one.status === "rejected") log.warn({ error: messageOf(one.reason) }, "a container could not be ended");
    return { bytes: 0, files: 0 };
  }

  #say(id: SessionId, told: Told, isFull: boolean, cause: number, now: number): void {
    const { store, router } = this.#parts;
    const session = store.sessions.session(id);
    const turn = store.turns.running(id);
    if (!session || turn === null) return;
    // What is in work is not taken up again: it would do the same.
    const upTo = store.sessions.stop(id);
    const words = isFull ? `I stop here: ${full(told).what}. ${full(told).hint}` : stopped(told);
    store.outbox.notify({ sessionId: id, turn, address: session, text: words, key: `${id}:quota:${upTo}`, cause }, now);
    const { agentGroup, conversation, thread } = session;
    const target = { agentGroup, conversation, thread };
    router().tell(session, target, forAgent(told), `quota:${id}:${upTo}`, {}, false);
  }

  async #measure(group: AgentGroup, sessions: SessionId[], open: boolean): Promise<Found> {
    const { store, random, containers } = this.#parts;
    const { sessionsDir, groupsDir, runDir, specOf, driver } = containers;
    const nothing = join(runDir, "nothing");
    mkdirSync(nothing, { recursive: true });
    const groupFolder = join(groupsDir, group.folder);
    const specs = sessions.flatMap((id) => {
      const session = store.sessions.session(id);
      if (!session) return [];
      const folder = sessionFolder(sessionsDir, session);
      const plan = { session, group, folder, groupFolder, socketDir: nothing, timeZone: store.users.timeZone() };
      return specOf({ ...plan, errand: "clearing" });
    });
    const [spec] = specs;
    if (!spec) throw new Error("none of its sessions is known any more");
    const counted: string[] = [inside.workspace, inside.providerState];
    const sources = specs.flatMap(({ mounts }) => mounts.filter(({ target }) => counted.includes(target)));
    const places = [...new Set(sources.map(({ source }) => source))];
    const name = `${spec.name.replace(/clearing$/, "measuring")}-${random.token(6)}`;
    const most = this.book.limit(group.id).files;
    return measure(driver, this.#parts.clock, { spec, places, nothing, open, name, most }, (sandbox) => {
      this.#looking.add(sandbox);
      void sandbox.exited.then(() => this.#looking.delete(sandbox));
      if (this.#stopped) void sandbox.stop(0).catch(() => {});
    });
  }

  #workspaceOf(group: AgentGroup): string {
    return join(this.#parts.containers.groupsDir, group.folder, "workspace");
  }
}

const refusal = (told: Told) => new EngineError(full(told).what, full(told).hint);

interface Eyes {
  /** @throws where it must not start */
  before(spec: SandboxSpec): Promise<void>;
  started(sandbox: Sandbox, spec: SandboxSpec): void;
  found(sandbox: Sandbox, session: SessionId): void;
}

function watching(driver: SandboxDriver, { before, started, found }: Eyes): SandboxDriver {
  return {
    id: driver.id,
    cannot: driver.cannot,
    lacks: (runtime) => driver.lacks(runtime),
    check: () => driver.check(),
    describe: (spec) => driver.describe(spec),
    async start(spec) {
      await before(spec);
      const sandbox = await driver.start(spec);
      started(sandbox, spec);
      return sandbox;
    },
    async survivors(labels) {
      const survivors = await driver.survivors(labels);
      for (const { sandbox, labels: its } of survivors) found(sandbox, its["nanoclaw.session"] as SessionId);
      return survivors;
    },
  };
}

/** Asks the file system, which walks nothing. */
async function freeOf(path: string): Promise<Size> {
  const { bavail, bsize, ffree } = await statfs(path);
  return { bytes: bavail * bsize, files: ffree };
}
