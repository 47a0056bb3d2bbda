/** Slack as a channel: an app of the person's own. By socket mode it needs no public address; signed webhooks are an option. */
import type {
  Capabilities,
  Channel,
  ChannelHost,
  ChannelPackage,
  ChannelParts,
  Health,
  OutgoingMessage,
  Receipt,
} from "../../src/channels/channel.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { CatchUp } from "./catch-up.ts";
import { Connection, type Way } from "./connection.ts";
import { credentials, type SignIn, signInOf } from "./credentials.ts";
import { failureOf } from "./failures.ts";
import { download } from "./files.ts";
import { type Press, readEvent, readPress } from "./incoming.ts";
import { Intake } from "./intake.ts";
import { People } from "./people.ts";
import { Sender } from "./sender.ts";
import { Socket } from "./socket.ts";
import { type BotIdentity, SlackApi } from "./web-api.ts";
import { Webhook } from "./webhook.ts";
import { escaped } from "./words.ts";

/** Of what whoever pressed a button is shown, characters. */
const MOST_ANSWER = 3_000;

class SlackChannel implements Channel {
  readonly id = "slack";
  readonly capabilities: Capabilities = {
    threads: true,
    edits: true,
    reactions: true,
    buttons: true,
    files: true,
    // Slack shows it for people only.
    typing: false,
    // Slack takes 40,000 characters, but lets only 4,000 be changed, which drafts are; room is left for markup and escapes.
    maxLength: 3_000,
    markup: "markdown",
    // What is sent forbids it. Slack looks for addresses when a message is sent, not when it is changed.
    previews: false,
    idempotency: { kind: "reconcile" },
  };
  readonly #parts: ChannelParts;
  readonly #signIn: SignIn;
  readonly #api: SlackApi;
  readonly #people: People;
  readonly #sender: Sender;
  readonly #catchUp: CatchUp;
  #bot: BotIdentity | null = null;
  #intake: Intake | null = null;
  #connection: Connection | null = null;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(parts: ChannelParts, signIn: SignIn) {
    this.#parts = parts;
    this.#signIn = signIn;
    this.#api = new SlackApi(signIn.botToken, signIn.apiRoot, parts);
    const common = { ...parts, api: this.#api };
    this.#people = new People(common);
    this.#catchUp = new CatchUp(common);
    this.#sender = new Sender({ ...common, self: () => this.#bot?.user ?? null });
  }

  async start(host: ChannelHost): Promise<void> {
    const { clock, log } = this.#parts;
    const intake = new Intake({
      ...{ host, clock, log, people: this.#people },
      onTaken: (event, acceptance) => this.#catchUp.taken(event, acceptance),
    });
    this.#intake = intake;
    const onConnecting = (bot: BotIdentity, connected: Promise<void>, stop: AbortSignal) => {
      this.#bot = bot;
      this.#people.know(bot.user, bot.name);
      const through = this.#catchUp.run({ intake, bot, connected, stop });
      this.#catchingUp = Promise.all([this.#catchingUp, through]).then(() => {});
    };
    this.#connection = new Connection({ ...this.#parts, api: this.#api, onConnecting }, this.#way(host, intake));
    try {
      await this.#connection.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const closing = this.#connection?.stop();
    await this.#intake?.stop();
    await Promise.all([closing, this.#catchingUp]);
  }

  health(): Health {
    return this.#connection?.health() ?? { state: "stopped", detail: "" };
  }

  send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt> {
    return this.#sender.send(address, message, key);
  }

  edit(address: Address, platformId: string, message: OutgoingMessage): Promise<void> {
    return this.#sender.edit(address, platformId, message);
  }

  react(address: Address, platformId: string, emoji: string): Promise<void> {
    return this.#sender.react(address, platformId, emoji);
  }

  reconcile(address: Address, key: string): Promise<Receipt | null> {
    return this.#sender.reconcile(address, key);
  }

  fetch(ref: string): Promise<AsyncIterable<Uint8Array>> {
    return download(this.#api, this.#parts.clock, ref);
  }

  #way(host: ChannelHost, intake: Intake): Way {
    const { clock, log } = this.#parts;
    const { way, apiRoot } = this.#signIn;
    const take = (kind: string, payload: unknown): Promise<void> => {
      if (kind === "event") return this.#takeEvent(intake, payload);
      return kind === "interaction" ? this.#takePress(host, payload) : Promise.resolve();
    };
    if (!("appToken" in way)) return new Webhook({ clock, take }, way.signingSecret, way.port);
    const kinds: Record<string, string> = { events_api: "event", interactive: "interaction" };
    return new Socket(
      { clock, log, waiting: () => intake.waiting, take: ({ type, payload }) => take(kinds[type] ?? type, payload) },
      way.appToken,
      apiRoot,
    );
  }

  /** Resolves once the event is the host's, or of no use to it. */
  async #takeEvent(intake: Intake, payload: unknown): Promise<void> {
    const { log } = this.#parts;
    const incoming = readEvent(payload, this.#self());
    if (incoming.kind === "heard") await intake.take(incoming.heard);
    else if (incoming.kind === "unreadable") log.warn({ why: incoming.why }, "an event could not be read");
    else log.debug({ why: incoming.why }, "an event was ignored");
  }

  /** Slack does not press again for whoever pressed: what fails is told to them, who can. */
  async #takePress(host: ChannelHost, payload: unknown): Promise<void> {
    const press = readPress(payload, this.#self());
    if (!press) return this.#parts.log.debug({}, "an interaction was ignored");
    const { author, ...pressed } = press;
    const text = await host.press({ ...pressed, userName: await this.#people.name(author) }).catch((error) => {
      this.#parts.log.warn({ error: messageOf(error) }, "a pressed button had no effect");
      return "This had no effect. Please press it again.";
    });
    void this.#tell(press, text);
  }

  /** Shows something to whoever pressed, and nobody else. */
  async #tell({ address, author }: Press, text: string): Promise<void> {
    const { chat: channel, thread } = address;
    const said = {
      channel,
      user: author,
      text: escaped(text.slice(0, MOST_ANSWER)),
      ...(thread && { thread_ts: thread }),
    };
    await this.#api
      .call((client) => client.chat.postEphemeral(said))
      .catch((error) => this.#parts.log.debug({ error: failureOf(error).message }, "a press was not answered"));
  }

  /** Known before anything can come in. */
  #self(): BotIdentity {
    if (!this.#bot) throw new Error("Slack has not said yet who the bot is");
    return this.#bot;
  }
}

export const channel: ChannelPackage = {
  id: "slack",
  title: "Slack",
  credentials,
  open: (parts) => new SlackChannel(parts, signInOf(parts.credentials)),
};
