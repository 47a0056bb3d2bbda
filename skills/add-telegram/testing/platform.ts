/** The emulator as a platform for the conformance suite, and what a channel gets, in a world that is in a hurry. */
import { createServer } from "node:net";
import type { ChannelParts } from "../../../src/channels/channel.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/ids.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Fault, Platform } from "../../../test/support/channel/platform.ts";
import { channel } from "../channel.ts";
import { Emulator, type Fault as RequestFault, TOKEN } from "./emulator.ts";
import type { Chat } from "./screen.ts";

const SPEED = 20;

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

/** @param way how the channel gets its updates */
export async function emulated(way: "polling" | "webhook" = "polling") {
  const emulator = new Emulator(SPEED);
  await emulator.up();
  const chat = emulator.chat({ id: 77, type: "private" });
  emulator.proxyTo = await freePort();
  const hook = { webhookUrl: "https://proxy.invalid/telegram", webhookPort: String(emulator.proxyTo) };
  const credentials = { token: TOKEN, apiRoot: emulator.root, ...(way === "webhook" ? hook : {}) };
  const parts = partsFor(credentials, hurriedClock(SPEED));
  return { emulator, chat, parts, open: () => channel.open(parts) };
}

const FAULTS: Record<Exclude<Fault, "down">, RequestFault> = {
  "no answer": { kind: "silent" },
  "answer lost": { kind: "lost" },
  "too fast": {
    kind: "answer",
    code: 429,
    description: "Too Many Requests: retry after 2",
    parameters: { retry_after: 2 },
  },
  refused: { kind: "answer", code: 403, description: "Forbidden: bot was blocked by the user" },
};

export async function telegramPlatform(way: "polling" | "webhook"): Promise<Platform> {
  const { emulator, chat, open } = await emulated(way);
  const said = new Map<string, { message: number; update: number }>();
  const remember = (text: string, chatOf: Chat, fields: object) => {
    const message = emulator.say(chatOf, { text, ...fields });
    said.set(text, { message, update: emulator.lastUpdate });
  };
  return {
    ...(way === "webhook" ? { silent: true } : {}),
    open,
    address: { channel: "telegram", chat: String(chat.id), thread: null },
    person: {
      say: (text) => remember(text, chat, {}),
      edit: (text, changed) => emulator.edit(chat, said.get(text)?.message ?? 0, { text: changed }),
      attach: (caption, bytes) => {
        const file_id = emulator.file(Buffer.from(bytes));
        const document = { file_id, file_name: "look.bin", file_size: bytes.length };
        remember(caption, chat, { text: undefined, caption, document });
      },
      async press(platformId, value) {
        const id = emulator.press(chat, Number(platformId), value);
        while (!emulator.answered.has(id)) await new Promise((resolve) => setTimeout(resolve, 5));
        return emulator.answered.get(id) ?? "";
      },
    },
    taken: (text) => emulator.acknowledged > (said.get(text)?.update ?? Number.POSITIVE_INFINITY),
    shown: () => emulator.screen.shown.map(({ id, text }) => ({ platformId: String(id), text })),
    buttons: (platformId) => emulator.screen.shown.find(({ id }) => String(id) === platformId)?.buttons ?? [],
    fail: (fault) => (fault === "down" ? emulator.down() : emulator.fault("sendMessage", FAULTS[fault])),
    repair: () => (emulator.listening ? undefined : emulator.up()),
    close: () => (emulator.listening ? emulator.down() : undefined),
  };
}
