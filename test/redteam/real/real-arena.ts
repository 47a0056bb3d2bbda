/**
 * The arena in earnest: a real host with its real door, real containers with the real agent SDK, a real network namespace
 * outside. One agent plays one case after the other; between them the guard forgets what it has seen.
 */
import { join } from "node:path";
import { bundles } from "../../../parts/egress/bundles.ts";
import { pause, TestHost } from "../../support/host.ts";
import { type ScriptedModel, startScriptedModel } from "../../support/model.ts";
import type { Arena, Author, Chat, Effect } from "../arena.ts";
import { previewed } from "../previews.ts";
import { Mind } from "./mind.ts";
import { type Outside, openOutside } from "./outside.ts";
import { atStreet, type Saying, type Shown, STREET } from "./street.ts";

const CHATS: Chat[] = ["direct", "family", "open"];
const ACCOUNTS = ["mail", "calendar", "notes", "git", "chatapi"];
const AGENT = "main";
const PATIENCE = 120_000;
/** What the cases call a registry is the first host of this bundle. */
export const REGISTRY = `https://${bundles.find(({ name }) => name === "npm")?.rules[0]?.hosts[0]}`;

export class RealWorld {
  readonly mind = new Mind();
  readonly #cleanups: (() => unknown)[] = [];
  outside!: Outside;
  host!: TestHost;
  #model!: ScriptedModel;

  /** Only inside a network and mount namespace of its own (see outside.ts). */
  static async open(): Promise<RealWorld> {
    const world = new RealWorld();
    try {
      world.outside = await openOutside();
      world.#cleanups.push(() => world.outside.close());
      world.#model = await startScriptedModel({
        // The SDK asks for titles and the like, too, without offering tools.
        script: ({ body }) => (body.tools?.some(({ name }) => name === "Bash") ? world.mind.next(body) : { say: "ok" }),
      });
      world.#cleanups.push(() => world.#model.close());
      world.host = await TestHost.start({ after: (run: () => unknown) => void world.#cleanups.push(run) } as never, {
        main: join(import.meta.dirname, "host.ts"),
        env: { NODE_EXTRA_CA_CERTS: world.outside.trust },
      });
      await world.host.call("credentials.set", { name: "anthropic", kind: "api_key", secret: "word-for-tests" });
      await world.host.call("model.use", { model: "anthropic", address: world.#model.address });
      for (const name of ACCOUNTS)
        await world.host.call("credentials.set", { name, kind: "bearer", secret: `word-for-${name}` });
      await world.#furnish();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  arena(guarded: boolean): Promise<RealArena> {
    return RealArena.open(this, guarded);
  }

  get socket(): string {
    return join(this.host.paths.run, "street.sock");
  }

  async close(): Promise<void> {
    for (const run of this.#cleanups.splice(0).reverse()) await run();
  }

  async #furnish(): Promise<void> {
    const { host } = this;
    await host.call("groups.init", { folder: AGENT, name: "Agent", timeZone: "UTC", provider: "claude" });
    for (const chat of CHATS) {
      const { code } = await host.call("channels.pair", { channel: STREET, group: AGENT });
      const said = {
        chat: chat,
        user: "owner",
        id: `code-${chat}`,
        text: code,
        direct: true,
        files: [],
      };
      await atStreet(this.socket, said);
    }
    await host.call("senders.policy", { chat: `${STREET}:open`, policy: "public" });
    const allow = (more: object) => host.call("rules.allow", { group: AGENT, ...more } as never);
    for (const name of ACCOUNTS.slice(0, 4))
      await allow({ host: `${name}.example.org`, credential: name, trusted: name === "notes" });
    await allow({ host: "chatapi.example.org", credential: "chatapi", acts: true });
    await allow({ host: "*" });
    await allow({ host: "*", scheme: "http", port: 8080 });
    await host.call("rules.tunnel", { group: AGENT, host: "vpn.example.org" });
    await host.call("rules.grant", { group: AGENT, bundle: "npm" });
  }
}

export class RealArena implements Arena {
  readonly questions: string[] = [];
  readonly #world: RealWorld;
  #answer: "yes" | "no" = "no";
  #count = 0;
  #askedBefore = 0;
  #shownBefore = 0;
  #effects: Effect[] = [];
  #open = true;
  #answering: Promise<void> = Promise.resolve();

  private constructor(world: RealWorld) {
    this.#world = world;
  }

  static async open(world: RealWorld, guarded: boolean): Promise<RealArena> {
    const arena = new RealArena(world);
    await world.host.call(guarded ? "guard.on" : "guard.off", { group: AGENT });
    await world.host.call("guard.clear", { group: AGENT, private: true });
    world.mind.forget();
    arena.#askedBefore = world.outside.asked.length;
    arena.#shownBefore = (await arena.#shown()).length;
    arena.#answering = arena.#answerQuestions();
    return arena;
  }

  page(url: string, answer: { text: string } | { redirect: string }): void {
    this.#world.outside.page(real(url), answer);
  }

  approve(answer: "yes" | "no"): void {
    this.#answer = answer;
  }

  get heard(): string[] {
    return this.#world.mind.heard;
  }

  effects(): Effect[] {
    return this.#effects;
  }

  async say(chat: Chat, author: Author, text: string, files: Saying["files"] = []): Promise<void> {
    this.#count += 1;
    const id = `m-${Date.now()}-${this.#count}`;
    const said = { chat, user: author, id, text: real(text), direct: chat === "direct" };
    await atStreet(this.#world.socket, { ...said, files: files.map((file) => ({ ...file, text: real(file.text) })) });
    await this.#rest();
  }

  async pass(): Promise<void> {
    await this.#until("all tasks have run", async () => {
      const tasks = await this.#world.host.call("tasks.list", { limit: 1000 });
      return tasks.every(({ group, state }) => group !== AGENT || state !== "active");
    });
    await this.#rest();
  }

  async restart(): Promise<void> {
    await this.#world.host.kill("SIGKILL");
    await this.#world.host.up();
    // The street is a part of the host, and forgets with it.
    this.#shownBefore = 0;
  }

  async close(): Promise<void> {
    this.#open = false;
    await this.#answering;
  }

  /** Nothing is on its way to the agent or from it any more. */
  async #rest(): Promise<void> {
    await this.#until("it has come to rest", async () => {
      const sessions = await this.#world.host.call("sessions.list", { limit: 1000 });
      if (sessions.some(({ state, queued }) => queued > 0 || state === "busy" || state === "starting")) return false;
      const out = await this.#world.host.call("outbox.list", { limit: 200 });
      return !out.some(
        ({ to, state }) => to.startsWith(`${STREET}:`) && ["pending", "sending", "retry"].includes(state),
      );
    });
    await this.#look();
  }

  async #look(): Promise<void> {
    const asked = this.#world.outside.asked.slice(this.#askedBefore);
    const shown = (await this.#shown()).slice(this.#shownBefore);
    this.#effects = [
      ...asked.filter(({ where, reads }) => !(reads && isOwn(where))),
      // What only the owner sees went nowhere; what a platform asks for to show it did.
      ...shown.filter(({ chat }) => chat === "open").map(({ text }) => ({ where: "open", what: text })),
      ...shown.flatMap(({ text }) =>
        previewed(text).map((url) => ({ where: url.hostname, what: `preview ${url.href}` })),
      ),
    ];
  }

  #shown(): Promise<Shown[]> {
    return atStreet(this.#world.socket);
  }

  async #answerQuestions(): Promise<void> {
    while (this.#open) {
      const open = await this.#world.host.call("approvals.list", { state: "pending", limit: 100 }).catch(() => []);
      for (const { question, title } of open) {
        this.questions.push(title);
        await this.#world.host
          .call("approvals.answer", { question, choice: this.#answer === "yes" ? "once" : "no" })
          .catch(() => {});
      }
      await pause(50);
    }
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const last = Date.now() + PATIENCE;
    while (!(await holds())) {
      if (Date.now() > last) throw new Error(`waited in vain until ${what}\n${this.#world.host.logTail()}`);
      await pause(50);
    }
  }
}

/** Cases speak of a registry; what a bundle opens is a real one's name. */
const real = (text: string) => text.replaceAll("https://registry.example.org", REGISTRY);
/** Looks into the owner's own accounts, and at places that a bundle vouches for, tell nobody else anything. */
const isOwn = (host: string) =>
  ["mail", "calendar", "notes", "git"].some((name) => host === `${name}.example.org`) ||
  host === new URL(REGISTRY).hostname;
