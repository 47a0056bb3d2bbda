/**
 * An arena without containers: a small model of the door, with the real guard, router, outbox and delivery behind it. The
 * platform shows previews of all that looks like an address, which is the worst that one does.
 */
import { onlyReads, type Waiver } from "../../packages/flow-guard/judge.ts";
import { Guard, type Outgoing } from "../../parts/guard/guard.ts";
import { GuardLabels } from "../../parts/guard/labels.ts";
import type { FlowGuard } from "../../src/access/flow-guard.ts";
import type { Channel, OutgoingMessage } from "../../src/channels/channel.ts";
import { Router } from "../../src/inbound/router.ts";
import type { AgentGroupId, MessagingGroupId, SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Delivery } from "../../src/outbound/delivery.ts";
import { Drafts } from "../../src/outbound/drafts.ts";
import { countingRandom, noCommands, OWNER, world } from "../support/world.ts";
import type { Arena, Author, Chat, Deed, Effect, Grant } from "./arena.ts";
import { type Hands, ObedientAgent } from "./obedient-agent.ts";
import { previewed } from "./previews.ts";

export interface ArenaOptions {
  grants: Grant[];
  /** Which agent listens in each chat. */
  agents: Record<Chat, string>;
  /** Without the guard everything is let through. */
  guarded: boolean;
  waivers?: Waiver[];
}

const NAMES: Record<Author, string> = { owner: OWNER, stranger: "test:eve", agent: "agent:helper" };
const HELD = "403 held: the owner is asked";
type Request = Extract<Deed, { do: "fetch" }>;

export class ModelArena implements Arena {
  readonly questions: string[] = [];
  readonly #options: ArenaOptions;
  readonly #world = world();
  readonly #pages = new Map<string, { text: string } | { redirect: string }>();
  readonly #agents = new Map<string, ObedientAgent>();
  readonly #effects: Effect[] = [];
  readonly #scheduled: { deed: Deed; session: SessionId; agent: ObedientAgent }[] = [];
  #answer: "yes" | "no" = "no";
  #guard: Guard;
  #count = 0;
  readonly #router: Router;
  readonly #drafts: Drafts;
  readonly #delivery: Delivery;

  constructor(options: ArenaOptions) {
    this.#options = options;
    const { store, audit, clock } = this.#world;
    for (const [chat, folder] of Object.entries(options.agents)) this.#furnish(chat as Chat, folder);
    this.#guard = this.#newGuard();
    const labels = new GuardLabels(store.db);
    for (const { id } of store.groups.agentGroups()) {
      for (const waiver of options.waivers ?? []) labels.waive(id, waiver, clock.now());
    }
    // Whichever guard there is now.
    const guard: FlowGuard = {
      heard: (session, event) => this.#guard.heard(session, event),
      say: (session, text, previews) =>
        options.guarded ? this.#guard.say(session, text, previews) : { held: false, text },
    };
    const channel = this.#platform();
    const parts = { store, audit, clock, random: countingRandom(), log: silentLog, guard, channel: () => channel };
    const { approvals, hold, pair } = this.#world;
    this.#router = new Router({ ...parts, approvals, hold, pair, wake: () => {}, commands: noCommands });
    this.#drafts = new Drafts(parts);
    this.#delivery = new Delivery({ ...parts, drafts: this.#drafts, onTrouble: () => {} });
    this.#delivery.start();
  }

  page(url: string, answer: { text: string } | { redirect: string }): void {
    this.#pages.set(url, answer);
  }

  approve(answer: "yes" | "no"): void {
    this.#answer = answer;
  }

  effects(): Effect[] {
    return this.#effects;
  }

  restart(): void {
    this.#guard = this.#newGuard();
  }

  close(): void {
    this.#delivery.stop();
    this.#world.store.db.close();
  }

  async say(chat: Chat, author: Author, text: string, files: { name: string; text: string }[] = []): Promise<void> {
    this.#count += 1;
    const name = `m${this.#count}`;
    const agent = this.#agentIn(chat);
    const address = { channel: "test", chat, thread: null };
    if (author === "agent") {
      const target = { agentGroup: this.#groupIn(chat), conversation: `test/${chat}`, thread: null };
      this.#router.tell(address, target, text, name, { author: "person", userId: NAMES.agent, userName: "Helper" });
    } else {
      const attached = files.map((file) => ({ name: file.name, type: "", size: null, ref: file.name }));
      const acceptance = await this.#router.accept({
        ...{ address, change: "said", platformId: name, revision: 0, user: NAMES[author], userName: author, text },
        ...{ at: 0, mentioned: true, direct: chat === "direct", files: attached },
      });
      if (acceptance.status !== "accepted") throw new Error(`${author} in ${chat}: ${acceptance.status}`);
    }
    await agent.read([text, ...files.map((file) => file.text)].join("\n"), this.#handsIn(this.#sessionIn(chat), agent));
    await settled();
  }

  async pass(): Promise<void> {
    for (const { deed, session, agent } of this.#scheduled.splice(0)) {
      await agent.read(`DO ${JSON.stringify(deed)}`, this.#handsIn(session, agent));
    }
    await settled();
  }

  #furnish(chat: Chat, folder: string): void {
    const { store, clock } = this.#world;
    const known = store.groups.agentGroupByFolder(folder);
    const id = known?.id ?? (`a-${folder}` as AgentGroupId);
    if (!known) {
      const plain = { provider: "null", model: null, runtime: null, uid: 1001, createdAt: clock.now() };
      store.groups.addAgentGroup({ id, folder, name: folder, ...plain });
    }
    const room = `r-${chat}` as MessagingGroupId;
    const unknownSenderPolicy = chat === "open" ? "public" : "strict";
    store.groups.addMessagingGroup({ id: room, channel: "test", chat, unknownSenderPolicy });
    store.groups.wire(room, { agentGroup: id, engageMode: "always", sessionMode: "shared" });
  }

  #newGuard(): Guard {
    const { store, audit, clock } = this.#world;
    const trusts = (_group: AgentGroupId, { hostname, pathname }: URL) =>
      this.#grantFor(hostname, pathname, "GET")?.trusted === true;
    return new Guard({ store, audit, clock, trusts, labels: new GuardLabels(store.db) });
  }

  #groupIn(chat: Chat): AgentGroupId {
    return this.#world.store.groups.agentGroupByFolder(this.#options.agents[chat])?.id as AgentGroupId;
  }

  #agentIn(chat: Chat): ObedientAgent {
    const folder = this.#options.agents[chat];
    const agent = this.#agents.get(folder) ?? new ObedientAgent();
    this.#agents.set(folder, agent);
    return agent;
  }

  #sessionIn(chat: Chat): SessionId {
    return this.#world.store.sessions.byConversation(this.#groupIn(chat), `test/${chat}`)?.id as SessionId;
  }

  #handsIn(session: SessionId, agent: ObedientAgent): Hands {
    return {
      carryOut: async (deed) => {
        switch (deed.do) {
          case "fetch":
            return this.#fetch(session, deed);
          case "tunnel":
            return this.#tunnel(session, deed);
          case "schedule":
            this.#scheduled.push({ deed: deed.deed, session, agent });
            return "";
          case "tell":
            return this.#tell(session, deed);
          default:
            await this.#speak(session, deed.do, deed.text);
            return "";
        }
      },
    };
  }

  #mayGo(session: SessionId, outgoing: Outgoing, what: string): boolean {
    const { guarded } = this.#options;
    if (guarded && !this.#asked(this.#guard.judge(session, outgoing).allow, what)) return false;
    this.#guard.passed(session, outgoing);
    return true;
  }

  #asked(allowed: boolean, what: string): boolean {
    if (!allowed) this.questions.push(what);
    return allowed || this.#answer === "yes";
  }

  #grantFor(host: string, path: string, method: string): Grant | undefined {
    return this.#options.grants.find(
      (grant) =>
        (grant.host === "*" || grant.host === host) &&
        path.startsWith(grant.path) &&
        (grant.methods === "any" || grant.methods.includes(method)),
    );
  }

  #fetch(session: SessionId, request: Request, hops = 5): string {
    const { method = "GET", headers = {}, body = "", upgrade = null } = request;
    const url = new URL(request.url);
    const grant = this.#grantFor(url.hostname, url.pathname, method);
    if (!grant) return "403 no rule allows it";
    const outgoing: Outgoing = {
      ...{ kind: "request", host: url.hostname, trusted: grant.trusted, credential: grant.credential },
      ...{ reads: onlyReads(method, upgrade) && !grant.actsOnGet, strangersText: grant.strangersText },
    };
    if (!this.#mayGo(session, outgoing, `${method} ${url.hostname}`)) return HELD;
    // What nobody but the owner reads is no effect outside: trusted places, and looks into the owner's own accounts.
    if (!grant.trusted && (grant.credential === null || !outgoing.reads))
      this.#effects.push({ where: url.hostname, what: `${method} ${request.url} ${JSON.stringify(headers)} ${body}` });
    const answer = this.#pages.get(`${url.origin}${url.pathname}`);
    if (answer && "redirect" in answer)
      return hops > 0 ? this.#fetch(session, { do: "fetch", url: answer.redirect + url.search }, hops - 1) : "";
    return answer?.text ?? "";
  }

  #tunnel(session: SessionId, { host, bytes }: Extract<Deed, { do: "tunnel" }>): string {
    const grant = this.#options.grants.find((one) => one.tunnel && one.host === host);
    if (!grant) return "403 no rule allows it";
    const outgoing: Outgoing = { kind: "tunnel", host, trusted: grant.trusted, strangersText: true };
    if (!this.#mayGo(session, outgoing, `CONNECT ${host}`)) return HELD;
    this.#effects.push({ where: host, what: bytes });
    return "";
  }

  #tell(session: SessionId, { chat, text, file = "" }: Extract<Deed, { do: "tell" }>): string {
    const act = { kind: "message", chat: `test:${chat}`, own: false, open: chat === "open" } as const;
    const { allow } = this.#guard.judge(session, act);
    if (this.#options.guarded && !this.#asked(allow, `message to ${chat}`)) return HELD;
    this.#effects.push({ where: chat, what: `${text} ${file}` });
    return "";
  }

  async #speak(id: SessionId, how: "say" | "edit" | "draft", text: string): Promise<void> {
    const { store, clock } = this.#world;
    const session = store.sessions.session(id);
    if (!session) return;
    this.#count += 1;
    const row = {
      sessionId: id,
      address: session,
      author: "agent" as const,
      key: `k${this.#count}`,
      number: this.#count,
    };
    if (how === "draft") {
      store.turns.start(id, this.#count, clock.now());
      // First a row of the outbox, then changes that pass it by.
      for (const shown of ["one moment", text]) {
        this.#drafts.show(session, { turn: this.#count, version: 1, text: shown, activity: "" });
        clock.advance(4_000);
        await settled();
      }
      store.turns.end(id, this.#count, "done", clock.now(), null, null);
      return;
    }
    store.outbox.add({ ...row, text: how === "edit" ? "one moment" : text }, clock.now());
    await settled();
    const [first] = store.outbox.byNumber(id, row.number);
    if (how === "edit" && first) {
      store.outbox.add({ ...row, key: `${row.key}e`, kind: "edit", over: first.id, text }, clock.now());
      await settled();
    }
  }

  #platform(): Channel {
    const shown = async ({ chat }: { chat: string }, { text }: OutgoingMessage) => {
      if (chat === "open") this.#effects.push({ where: "open", what: text });
      for (const url of previewed(text)) this.#effects.push({ where: url.hostname, what: `preview ${url.href}` });
    };
    return {
      id: "test",
      capabilities: {
        ...{ threads: false, edits: true, reactions: false, buttons: false, files: false, typing: false },
        ...{ maxLength: 4_000, markup: "markdown", previews: true, idempotency: { kind: "none" } },
      },
      start: async () => {},
      stop: async () => {},
      health: () => ({ state: "up", detail: "" }),
      send: async (address, message, key) => {
        await shown(address, message);
        return { platformId: key };
      },
      edit: async (address, _platformId, message) => shown(address, message),
    };
  }
}

/** Everything that waits in memory has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
}
