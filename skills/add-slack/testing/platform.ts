/** The emulator as a platform for the conformance suite, and what a channel gets, in a world that is in a hurry. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelParts } from "../../../src/channels/channel.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/ids.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Fault, Platform } from "../../../test/support/channel/platform.ts";
import { channel } from "../channel.ts";
import { APP_TOKEN, BOT_TOKEN, Emulator, type Fault as RequestFault, SIGNING_SECRET } from "./emulator.ts";
import { ANN, buttonsOf, type Message, readable, TEAM } from "./workspace.ts";

const SPEED = 10;

/** Real time, but each second lasts only a part of one. */
export function hurriedClock(speed: number): Clock {
  const began = systemClock.now();
  return {
    now: () => began + (systemClock.now() - began) * speed,
    after: (ms, run) => systemClock.after(ms / speed, run),
  };
}

/** What a channel gets from the host; its memory stays over restarts of the channel. */
export function partsFor(credentials: Record<string, string>, clock: Clock): ChannelParts {
  const kept = new Map<string, string>();
  const memory: ChannelParts["memory"] = {
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void (value === null ? kept.delete(key) : kept.set(key, value)),
  };
  return { credentials, clock, log: silentLog, random: systemRandom, memory };
}

/** A port that nobody listens on, for a listener that can't choose by itself. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** @param way how the channel gets its events */
export async function emulated(way: "socket" | "webhook" = "socket") {
  const clock = hurriedClock(SPEED);
  const emulator = new Emulator(clock.now, SPEED);
  await emulator.up();
  const direct = emulator.workspace.add({ id: "D0ANN" });
  const room = emulator.workspace.add({ id: "C0ROOM" });
  if (way === "webhook") emulator.proxyTo = await freePort();
  const hook = { appToken: "none", signingSecret: SIGNING_SECRET, webhookPort: String(emulator.proxyTo) };
  const credentials = {
    ...{ botToken: BOT_TOKEN, apiRoot: `${emulator.root}/api/` },
    ...(way === "webhook" ? hook : { appToken: APP_TOKEN }),
  };
  const parts = partsFor(credentials, clock);
  return { emulator, direct, room, parts, open: () => channel.open(parts) };
}

/** Somebody presses a button. @returns what they are shown then */
export async function press(emulator: Emulator, message: Message, value: string, user = ANN.id): Promise<string> {
  const { workspace } = emulator;
  const before = workspace.ephemeral.length;
  const { ts, channel: id, thread_ts } = message;
  emulator.send("interactive", {
    ...{ type: "block_actions", user: { id: user, team_id: TEAM }, team: { id: TEAM }, channel: { id } },
    message: { ts, text: "", ...(thread_ts && { thread_ts }) },
    actions: [{ type: "button", action_id: "nanoclaw-0", block_id: "b", value }],
  });
  while (workspace.ephemeral.length === before) await sleep(5);
  return workspace.ephemeral.at(-1)?.text ?? "";
}

const FAULTS: Record<Exclude<Fault, "down">, RequestFault> = {
  "no answer": { kind: "silent" },
  "answer lost": { kind: "lost" },
  "too fast": { kind: "status", status: 429, headers: { "retry-after": "2" } },
  refused: { kind: "refuse", code: "not_in_channel" },
};

export async function slackPlatform(way: "socket" | "webhook"): Promise<Platform> {
  const { emulator, direct, open } = await emulated(way);
  const { workspace } = emulator;
  const said = new Map<string, Message>();
  const find = (text: string) => {
    const message = said.get(text);
    if (!message) throw new Error(`nobody said ${text}`);
    return message;
  };
  const shown = () => workspace.shown(direct.id);
  return {
    ...(way === "webhook" ? { silent: true } : {}),
    open,
    address: { channel: "slack", chat: direct.id, thread: null },
    person: {
      say: (text) => void said.set(text, workspace.say(direct, text)),
      edit: (text, changed) => workspace.edit(find(text), changed),
      delete: (text) => workspace.delete(find(text)),
      attach(text, bytes) {
        const file = workspace.file("look.bin", Buffer.from(bytes));
        said.set(text, workspace.say(direct, text, { subtype: "file_share", files: [file] }));
      },
      press(platformId, value) {
        const message = shown().find(({ ts }) => ts === platformId);
        if (!message) throw new Error("there is no such message");
        return press(emulator, message, value);
      },
    },
    taken(text) {
      const message = said.get(text);
      const about = ({ payload }: { payload: Record<string, unknown> }) =>
        (payload.event as { ts?: string } | undefined)?.ts === message?.ts;
      const told = emulator.deliveries.filter(about);
      return message !== undefined && told.length > 0 && told.every(({ taken }) => taken);
    },
    shown: () => shown().map((message) => ({ platformId: message.ts, text: readable(message) })),
    buttons: (platformId) => {
      const message = shown().find(({ ts }) => ts === platformId);
      return message ? buttonsOf(message).map(({ label }) => label) : [];
    },
    fail: (fault) => (fault === "down" ? emulator.down() : emulator.fault("chat.postMessage", FAULTS[fault])),
    repair: () => (emulator.listening ? undefined : emulator.up()),
    close: () => emulator.close(),
  };
}
