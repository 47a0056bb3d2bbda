/** A platform on loopback for tests, with a person who writes to the agent and the ways in which a platform fails. */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Channel, ChannelParts } from "../../../src/channels/channel.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/ids.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Fault, Platform } from "../../../test/support/channel/platform.ts";
import { channel } from "../channel.ts";
import { type FromPlatform, ID, type Message, type ToPlatform } from "../protocol.ts";

const TOKEN = "not-a-real-token";
/** How much faster than in life time passes for the channel. */
const SPEED = 20;

const hurriedClock: Clock = {
  now: () => systemClock.now(),
  after: (ms, run) => systemClock.after(ms / SPEED, run),
};

export interface LoopbackPlatform extends Platform {
  /** What a channel on it is opened with. */
  parts: ChannelParts;
  /** Says to the agent what no platform should. */
  babble(line: string): void;
}

export async function loopbackPlatform(): Promise<LoopbackPlatform> {
  const chat = "ann";
  const untaken = new Map<string, Message>();
  const said = new Map<string, Message>();
  const shown: { platformId: string; text: string }[] = [];
  const sockets = new Set<Socket>();
  /** Those that said hello. */
  const lines = new Set<Socket>();
  const opened: Channel[] = [];
  let fault: Fault | null = null;
  let port = 0;

  const say = (line: Socket, what: FromPlatform) => line.write(`${JSON.stringify(what)}\n`);

  function hear(line: Socket, what: ToPlatform): void {
    if (what.type === "hello") {
      if (what.token !== TOKEN) return void say(line, { type: "denied" });
      lines.add(line);
      say(line, { type: "welcome", as: "nano" });
      // What was not taken comes again, in order.
      for (const message of untaken.values()) say(line, message);
    } else if (what.type === "taken") untaken.delete(what.id);
    else send(line, what);
  }

  function send(line: Socket, { request, text }: Extract<ToPlatform, { type: "send" }>): void {
    const met = fault;
    fault = null;
    if (met === "no answer") return;
    if (met === "too fast") return void say(line, { type: "slower", request, after: 2_000 });
    if (met === "refused") return void say(line, { type: "refused", request, why: "the agent was blocked" });
    const platformId = `agent-${shown.length + 1}`;
    shown.push({ platformId, text });
    if (met === "answer lost") line.destroy();
    else say(line, { type: "sent", request, id: platformId });
  }

  const server = createServer((line) => {
    let unfinished = "";
    sockets.add(line);
    line.setEncoding("utf8").on("data", (text: string) => {
      const whole = (unfinished + text).split("\n");
      unfinished = whole.pop() ?? "";
      for (const one of whole) hear(line, JSON.parse(one));
    });
    line.on("error", () => {});
    line.on("close", () => {
      lines.delete(line);
      sockets.delete(line);
    });
  });
  const up = () =>
    new Promise<void>((done) =>
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        port = typeof address === "object" && address ? address.port : 0;
        done();
      }),
    );
  async function down(): Promise<void> {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
    // It lasts until a channel can know: what is sent before that may have arrived for all that it knows.
    while (opened.some((one) => one.health().state === "up")) await sleep(1);
  }

  await up();
  const credentials = { port: String(port), token: TOKEN };
  const memory: ChannelParts["memory"] = { get: () => null, set() {} };
  const parts: ChannelParts = { credentials, clock: hurriedClock, log: silentLog, random: systemRandom, memory };
  return {
    parts,
    open() {
      const one = channel.open(parts);
      opened.push(one);
      return one;
    },
    address: { channel: ID, chat, thread: null },
    person: {
      say(text) {
        const who = { chat, user: "ann", userName: "Ann", direct: true, mentioned: false };
        const message: Message = { type: "message", id: `ann-${said.size + 1}`, ...who, text, at: Date.now() };
        said.set(text, message);
        untaken.set(message.id, message);
        for (const line of lines) say(line, message);
      },
    },
    taken: (text) => said.has(text) && !untaken.has(said.get(text)?.id ?? ""),
    shown: () => shown,
    fail(how) {
      if (how === "down") return down();
      fault = how;
    },
    repair: () => (server.listening ? undefined : up()),
    close: () => (server.listening ? down() : undefined),
    babble(text) {
      for (const line of lines) line.write(`${text}\n`);
    },
  };
}
