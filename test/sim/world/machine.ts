/** A whole simulated machine: the host, the engine with its containers, the disk, the platforms and the people. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Budgets } from "../../../parts/meter/budgets.ts";
import { Tasks } from "../../../parts/tasks/tasks.ts";
import { createAgentGroup } from "../../../src/agents/groups.ts";
import { TERMINAL_USER } from "../../../src/channels/terminal.ts";
import type { MessagingGroupId, UserId } from "../../../src/lib/ids.ts";
import { type Paths, pathsOf } from "../../../src/lib/paths.ts";
import type { Address } from "../../../src/store/address.ts";
import { openStore } from "../../../src/store/store.ts";
import { Guarding } from "../guarding.ts";
import { Promises } from "../promises.ts";
import { Questions } from "../questions.ts";
import { Spending } from "../spending.ts";
import { Stops } from "../stops.ts";
import { Words } from "../words.ts";
import { Bells } from "./bells.ts";
import { Disk } from "./disk.ts";
import { Engine } from "./engine.ts";
import { Host } from "./host.ts";
import { People, TERMINAL } from "./people.ts";
import { type Abilities, Platform } from "./platform.ts";
import { Readers } from "./readers.ts";
import { type Script, scriptText } from "./script.ts";
import type { World } from "./world.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const DAY = 86_400_000;

/** What they can do is what tells the platforms apart. */
const PLATFORMS: Record<string, Abilities> = {
  keyed: {
    edits: true,
    reactions: true,
    buttons: true,
    files: true,
    maxLength: 4_096,
    idempotency: { kind: "key", validFor: DAY },
  },
  bare: { edits: false, reactions: true, buttons: false, files: true, maxLength: 200, idempotency: { kind: "none" } },
  looking: {
    edits: true,
    reactions: false,
    buttons: true,
    files: false,
    maxLength: 300,
    idempotency: { kind: "reconcile" },
  },
};

/** A scheduled task that runs once. */
export interface TaskPlan {
  place: Address;
  /** When it is due, in simulated milliseconds. */
  at: number;
  session: "own" | "chat";
  script: Script;
}

export interface Setup {
  maxContainers: number;
  /** How many listen in each room of a platform; in the terminal's chats it is one. */
  agents: number;
  /** Each agent has one conversation over all its chats; else one for each thread. */
  everywhere?: boolean;
  places: Address[];
  tasks: TaskPlan[];
  /** The platform on which an owner has a chat of their own and is asked; null for none. */
  owner: string | null;
  /** Tokens that all agents together may use; null where they use no model that costs something. */
  budget: number | null;
}

export class Machine {
  readonly world: World;
  readonly setup: Setup;
  readonly dir: string;
  readonly paths: Paths;
  readonly database: string;
  readonly disk: Disk;
  readonly bells: Bells;
  readonly engine: Engine;
  readonly readers: Readers;
  readonly platforms: Platform[];
  readonly people: People;
  readonly stops: Stops;
  readonly words: Words;
  readonly questions: Questions;
  readonly guarding: Guarding;
  readonly spending: Spending;
  readonly promises: Promises;
  readonly host: Host;
  /** Outbound mailboxes whose runner was cut off in a commit. */
  readonly halfCommits = new Set<string>();
  /** How often each outbound mailbox was committed to. */
  readonly versions = new Map<string, number>();
  readonly #window: DatabaseSync;
  readonly #questions = new Map<string, StatementSync>();

  constructor(world: World, setup: Setup) {
    this.world = world;
    this.disk = new Disk(world.tally);
    this.setup = setup;
    this.dir = world.dir;
    this.paths = pathsOf(ROOT, { NANOCLAW_DATA: world.dir, NANOCLAW_RUN: join(world.dir, "run") });
    this.paths.installation = "simulate";
    this.database = this.paths.database;
    mkdirSync(this.paths.sessions, { recursive: true });
    this.people = new People(this);
    this.questions = new Questions(this);
    this.#furnish();
    this.#window = new DatabaseSync(this.database, { readOnly: true });
    this.stops = new Stops(this);
    this.words = new Words(this);
    this.guarding = new Guarding(this);
    this.spending = new Spending(this);
    this.promises = new Promises(this);
    this.bells = new Bells(world);
    this.engine = new Engine(this);
    this.readers = new Readers(this);
    this.platforms = Object.entries(PLATFORMS).map(
      ([id, abilities]) =>
        new Platform(world, id, abilities, {
          answered: (event, acceptance) => this.promises.answered(event, acceptance),
          shown: (message) => this.guarding.shown(id, message),
        }),
    );
    this.host = new Host(this);
  }

  /** What the central database holds: committed rows only, whoever is alive. */
  look<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    const statement = this.#questions.get(sql) ?? this.#window.prepare(sql);
    this.#questions.set(sql, statement);
    return statement.all(...values) as Row[];
  }

  close(): void {
    this.host.close();
    this.#window.close();
  }

  /** Agents that listen in every place. */
  #furnish(): void {
    const { world, setup } = this;
    const store = openStore(this.database);
    const tasks = new Tasks(store.db);
    const owner = TERMINAL_USER as UserId;
    store.users.put({ id: owner, name: "You", timeZone: "UTC" }, world.wall());
    store.users.grantOwner(owner);
    const random = world.rng.fork("furniture");
    const [group, ...others] = Array.from({ length: setup.agents }, (_, index) =>
      createAgentGroup(
        store,
        this.paths.groups,
        { folder: `agent-${index}`, name: `Agent ${index}`, provider: "scripted", model: null, runtime: null },
        random,
        world.wall(),
      ),
    );
    if (!group) throw new Error("a machine without an agent");
    const sessionMode = setup.everywhere ? "agent-shared" : "per-thread";
    for (const { channel, chat } of setup.places) {
      if (store.groups.messagingGroup(channel, chat)) continue;
      const id = `m-${channel}-${chat}` as MessagingGroupId;
      const unknownSenderPolicy = channel === TERMINAL ? "strict" : "public";
      store.groups.addMessagingGroup({ id, channel, chat, unknownSenderPolicy });
      for (const agent of channel === TERMINAL ? [group] : [group, ...others])
        store.groups.wire(id, { agentGroup: agent.id, engageMode: "always", sessionMode });
    }
    for (const [index, { place, at, session, script }] of setup.tasks.entries()) {
      const due = world.wall() + at;
      const standing = { state: "active", nextAt: due, failures: 0, note: "" } as const;
      tasks.add({
        ...{ ...standing, id: `t-${index}`, agentGroup: group.id, address: place, session, name: `task ${index}` },
        ...{
          prompt: scriptText(script),
          script: null,
          schedule: { kind: "once", at: due },
          timeZone: "UTC",
          missed: "latest",
        },
        createdAt: world.wall(),
      });
      // A task that has nothing to say says nothing.
      if (!script.silent) this.people.expect({ id: `task ${index}`, place, at, platformId: `task:t-${index}:${due}` });
    }
    if (setup.budget !== null) {
      const all = { id: "b-all", scope: "all", subject: "", per: "total", unit: "tokens" } as const;
      new Budgets(store.db).set({ ...all, most: setup.budget, warn: 80, createdAt: world.wall() });
    }
    if (setup.owner) this.questions.furnish(store, setup.owner, group.id, world.wall());
    store.db.close();
  }
}
