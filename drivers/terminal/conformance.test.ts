/** A terminal is a client that repeats what was not taken, with its key, and reads the log. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../src/lib/errors.ts";
import { channelConformance } from "../../test/support/channel/conformance.ts";
import type { Platform } from "../../test/support/channel/platform.ts";
import { world } from "../../test/support/world.ts";
import { TerminalChannel } from "./terminal.ts";

const CHAT = "main";

async function terminalPlatform(): Promise<Platform> {
  const { store } = world();
  const clock = { now: Date.now, after: () => ({ cancel: () => {} }) };
  const taken = new Set<string>();
  let channel: TerminalChannel | null = null;
  let closed = false;
  let typed = Promise.resolve();

  /** One after the other, as one types. */
  const say = async (text: string) => {
    for (let tries = 0; !closed; tries++) {
      try {
        if (!channel) throw new Error("nothing to talk to yet");
        await channel.say(CHAT, "Ann", text, `key-${text}`);
        taken.add(text);
        return;
      } catch (error) {
        if (tries > 1000) throw new Error(`never taken: ${messageOf(error)}`);
        await sleep(10);
      }
    }
  };
  return {
    open() {
      channel = new TerminalChannel(store.db, clock, () => "Nano");
      return channel;
    },
    address: { channel: "terminal", chat: CHAT, thread: null },
    person: {
      say(text) {
        typed = typed.then(() => say(text));
      },
    },
    taken: (text) => taken.has(text),
    shown: () =>
      (channel?.history(CHAT, 0, null) ?? [])
        .filter(({ author }) => author !== "person")
        .map(({ n, text }) => ({ platformId: String(n), text })),
    async close() {
      closed = true;
      await typed;
    },
  };
}

channelConformance("terminal", terminalPlatform);
