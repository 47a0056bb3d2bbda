/**
 * A platform on which anybody may write and which asks for whatever looks like an address, as the host knows it: a channel,
 * steered from outside over a Unix socket. It keeps what its people see.
 */
import { rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import type { Channel, ChannelEvent, ChannelHost, OutgoingMessage } from "../../../src/channels/channel.ts";

export const STREET = "street";

export interface Shown {
  chat: string;
  text: string;
  /** Messages that it answers. */
  answers: string[];
}

export interface Saying {
  chat: string;
  user: string;
  id: string;
  text: string;
  direct: boolean;
  files: { name: string; text: string }[];
}

/** The channel to it, for a host that is to have it. @param socket where it is steered */
export function streetChannel(socket: string): Channel {
  const shown: Shown[] = [];
  const files = new Map<string, string>();
  let host: ChannelHost | null = null;
  const server = createServer((incoming, outgoing) => {
    const serve = async () => {
      if (incoming.method === "GET") return shown;
      return host?.accept(eventOf((await json(incoming)) as Saying, files));
    };
    serve().then(
      (answer) => outgoing.end(JSON.stringify(answer ?? null)),
      (error: unknown) => outgoing.writeHead(500).end(String(error)),
    );
  });
  const see = ({ chat }: { chat: string }, { text, answers }: OutgoingMessage) =>
    void shown.push({ chat, text, answers });
  return {
    id: STREET,
    capabilities: {
      ...{ threads: false, edits: true, reactions: false, buttons: false, files: true, typing: false },
      ...{ maxLength: 4_000, markup: "markdown", previews: true, idempotency: { kind: "none" } },
    },
    async start(given) {
      host = given;
      // A host that was killed leaves it behind.
      rmSync(socket, { force: true });
      server.listen(socket);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
    },
    health: () => ({ state: "up", detail: "" }),
    async send(address, message, key) {
      see(address, message);
      return { platformId: key };
    },
    edit: async (address, _id, message) => see(address, message),
    fetch: async (ref) => Readable.from([Buffer.from(files.get(ref) ?? "")]),
  };
}

function eventOf({ chat, user, id, text, direct, files: sent }: Saying, files: Map<string, string>): ChannelEvent {
  for (const file of sent) files.set(`${id}-${file.name}`, file.text);
  return {
    ...{ address: { channel: STREET, chat, thread: null }, change: "said", platformId: id, revision: 0, text, direct },
    ...{ user: `${STREET}:${user}`, userName: user, at: Date.now(), mentioned: true },
    files: sent.map(({ name }) => ({ name, type: "text/plain", size: null, ref: `${id}-${name}` })),
  };
}

/** One request to the channel's socket: something said, or, without it, all that was shown. */
export async function atStreet<Answer>(socket: string, saying?: Saying): Promise<Answer> {
  const asked = request({ socketPath: socket, path: "/", method: saying ? "POST" : "GET" });
  asked.end(saying && JSON.stringify(saying));
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) =>
    asked.once("response", resolve).once("error", reject),
  );
  if (response.statusCode !== 200) throw new Error(`the street answered ${response.statusCode}`);
  return (await json(response)) as Answer;
}
