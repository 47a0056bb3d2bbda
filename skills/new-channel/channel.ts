/** New Channel as a channel: a program on this machine that passes messages on, line by line. */
import { z } from "zod";
import { plain } from "../../packages/markup/index.ts";
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
import { Misuse, Rejected } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import { Connection } from "./connection.ts";
import { eventOf, ID, TITLE } from "./protocol.ts";

const credentials = z.object({
  port: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, "a port is a number")
    .refine((port) => Number(port) < 65_536, "the highest port is 65535")
    .describe("Port on this machine")
    .meta({ help: "The platform's own settings name it." }),
  token: z
    .string()
    .trim()
    .min(1)
    .max(1_000)
    .describe("Token")
    .meta({ help: "The platform's own settings show it.", secret: true }),
});

class LineChannel implements Channel {
  readonly id = ID;
  /** What the platform really has, and no more: the host goes by it. */
  readonly capabilities: Capabilities = {
    threads: false,
    edits: false,
    reactions: false,
    buttons: false,
    files: false,
    typing: false,
    // The platform takes more, for a text may become longer by being written without marks.
    maxLength: 4_000,
    markup: "markdown",
    previews: false,
    idempotency: { kind: "none" },
  };
  readonly #parts: ChannelParts;
  readonly #given: z.infer<typeof credentials>;
  #connection: Connection | null = null;

  constructor(parts: ChannelParts, given: z.infer<typeof credentials>) {
    this.#parts = parts;
    this.#given = given;
  }

  start(host: ChannelHost): Promise<void> {
    const { port, token } = this.#given;
    this.#connection = new Connection({
      ...this.#parts,
      ...{ port: Number(port), token },
      take: async (message) => void (await host.accept(eventOf(message))),
    });
    return this.#connection.start();
  }

  async stop(): Promise<void> {
    await this.#connection?.stop();
  }

  health(): Health {
    return this.#connection?.health() ?? { state: "stopped", detail: "" };
  }

  async send({ chat }: Address, { text }: OutgoingMessage): Promise<Receipt> {
    if (!this.#connection) throw new Rejected("the channel was not started");
    if (text.trim() === "") throw new Rejected("there is nothing to send");
    return { platformId: await this.#connection.send(chat, plain(text)) };
  }
}

export const channel: ChannelPackage = {
  id: ID,
  title: TITLE,
  credentials,
  open(parts) {
    const { data, error } = credentials.safeParse(parts.credentials);
    if (!data) throw new Misuse(`${TITLE} is not set up right`, z.prettifyError(error));
    return new LineChannel(parts, data);
  },
};
