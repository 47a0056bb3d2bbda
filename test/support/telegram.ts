/** A real host with the Telegram skill, against the skill's own emulator on loopback, and Ann who writes to it. */
import type { TestContext } from "node:test";
import { ANN, Emulator, TOKEN } from "../../skills/add-telegram/testing/emulator.ts";
import type { Shown } from "../../skills/add-telegram/testing/screen.ts";
import { pause, TestHost } from "./host.ts";

export { TOKEN };

export interface TelegramHost {
  host: TestHost;
  emulator: Emulator;
  chat: ReturnType<Emulator["chat"]>;
  /** @returns the id of the message */
  say(text: string): number;
  /** What the bot showed, once `enough` says so. Fails after `ms` with what there is. */
  shown(enough: (messages: Shown[]) => boolean, ms?: number): Promise<Shown[]>;
}

/** A host with an agent that repeats what it hears; Telegram is not added yet. */
export async function hostBesideTelegram(t: TestContext): Promise<TelegramHost> {
  const emulator = new Emulator();
  await emulator.up();
  t.after(() => (emulator.listening ? emulator.down() : undefined));
  const host = await TestHost.start(t);
  await host.init();
  const chat = emulator.chat({ id: ANN.id, type: "private" });
  const shown: TelegramHost["shown"] = async (enough, ms = 30_000) => {
    for (const until = Date.now() + ms; ; await pause(20)) {
      if (enough(emulator.screen.shown)) return emulator.screen.shown;
      if (Date.now() > until) {
        const seen = emulator.screen.shown.map(({ text }) => text).join("\n");
        throw new Error(`waited ${ms} ms in vain; shown:\n${seen}\n${host.logTail()}`);
      }
    }
  };
  return { host, emulator, chat, say: (text) => emulator.say(chat, { text }), shown };
}

/** The same with Telegram added and Ann's chat paired. */
export async function hostOnTelegram(t: TestContext): Promise<TelegramHost> {
  const world = await hostBesideTelegram(t);
  const { host, emulator, say, shown } = world;
  const credentials = JSON.stringify({ token: TOKEN, apiRoot: emulator.root });
  await host.call("channels.add", { channel: "telegram", credentials });
  const { code } = await host.call("channels.pair", { channel: "telegram" });
  say(code);
  await shown((messages) => messages.length > 0);
  emulator.screen.shown.length = 0;
  return world;
}

export const texts = (messages: Shown[]): string[] => messages.map(({ text }) => text);
