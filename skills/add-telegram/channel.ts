/** Telegram as a channel: a bot of the person's own. By long polling it needs no public address; a webhook is an option. */
import { z } from "zod";
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
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { BotApi } from "./bot-api.ts";
import { Chats } from "./chats.ts";
import { Connection } from "./connection.ts";
import { type BotIdentity, readUpdate } from "./incoming.ts";
import { Polling } from "./polling.ts";
import { Sender } from "./sender.ts";
import { Webhook, type WebhookAddress } from "./webhook.ts";

const credentials = z.object({
  token: z
    .string()
    .trim()
    .regex(/^\d+:[\w-]{20,}$/, "a bot token is a number, a colon and about 35 letters and digits")
    .describe("Token of the bot")
    .meta({
      help: "In Telegram, talk to BotFather, send /newbot and copy the token that it answers with.",
      secret: true,
    }),
  apiRoot: z
    .url()
    .or(z.literal(""))
    .optional()
    .describe("Address of a Bot API server of your own")
    .meta({ help: "Leave it empty to use Telegram's." }),
  webhookUrl: z
    .url({ protocol: /^https$/ })
    .or(z.literal(""))
    .optional()
    .describe("Public https address at which Telegram may call")
    .meta({ help: "Leave it empty: then the host asks Telegram, and needs no public address." }),
  webhookPort: z
    .string()
    .regex(/^\d{1,5}$/, "a port is a number")
    .or(z.literal(""))
    .optional()
    .describe("Port on this machine to which your reverse proxy passes those calls")
    .meta({ help: "Only with a public address." }),
});

class TelegramChannel implements Channel {
  readonly id = "telegram";
  readonly capabilities: Capabilities = {
    threads: true,
    edits: true,
    reactions: true,
    buttons: true,
    files: true,
    typing: true,
    // Telegram counts 4096 without the markup; some room is left.
    maxLength: 4000,
    markup: "markdown",
    previews: false,
    idempotency: { kind: "none" },
  };
  readonly #parts: ChannelParts;
  readonly #api: BotApi;
  readonly #chats: Chats;
  readonly #sender: Sender;
  readonly #webhook: WebhookAddress | null;
  #connection: Connection | null = null;

  constructor(
    parts: ChannelParts,
    { token, apiRoot, webhookUrl: url, webhookPort: port }: z.infer<typeof credentials>,
  ) {
    if (!url !== !port) throw new Misuse("A webhook needs both its public address and its port", "Give both, or none.");
    this.#parts = parts;
    this.#webhook = url && port ? { url, port: Number(port) } : null;
    this.#api = new BotApi(token, apiRoot, parts.clock);
    this.#chats = new Chats(parts.memory);
    this.#sender = new Sender({ ...parts, api: this.#api, chats: this.#chats });
  }

  async start(host: ChannelHost): Promise<void> {
    const take = (update: unknown, bot: BotIdentity) => this.#take(host, update, bot);
    const parts = { ...this.#parts, api: this.#api, take };
    const way = this.#webhook ? new Webhook(parts, this.#webhook) : new Polling(parts);
    this.#connection = new Connection(parts, way);
    try {
      await this.#connection.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#connection?.stop();
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

  typing(address: Address): void {
    this.#sender.typing(address);
  }

  fetch(ref: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#api.file(ref);
  }

  /** Resolves once the update is the host's, or of no use to it. */
  async #take(host: ChannelHost, update: unknown, bot: BotIdentity): Promise<void> {
    const incoming = readUpdate(update, bot, this.#chats);
    if (incoming.kind === "event") await host.accept(incoming.event);
    else if (incoming.kind === "moved") this.#chats.moved(incoming.from, incoming.to);
    else if (incoming.kind === "unreadable") this.#parts.log.warn({ why: incoming.why }, "an update could not be read");
    else if (incoming.kind === "ignored") this.#parts.log.debug({ why: incoming.why }, "an update was ignored");
    else {
      // A press that fails is told to whoever pressed, who can press again: Telegram would not wait for a second try.
      const text = await host.press(incoming.press).catch((error) => {
        this.#parts.log.warn({ error: messageOf(error) }, "a pressed button had no effect");
        return "This had no effect. Please press it again.";
      });
      const answer = { callback_query_id: incoming.query, text: text.slice(0, 200) };
      await this.#api
        .call((api, signal) => api.answerCallbackQuery(answer, signal))
        .catch((error) => this.#parts.log.debug({ error: messageOf(error) }, "a press was not answered"));
    }
  }
}

export const channel: ChannelPackage = {
  id: "telegram",
  title: "Telegram",
  credentials,
  open(parts) {
    const { data, error } = credentials.safeParse(parts.credentials);
    if (!data) throw new Misuse("Telegram is not set up right", z.prettifyError(error));
    return new TelegramChannel(parts, data);
  },
};
