/** A channel on the emulator with a host that keeps what it was told, for tests of what is special to Slack. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Acceptance, ButtonPress, Channel, ChannelEvent, OutgoingMessage } from "../../../src/channels/channel.ts";
import type { Address } from "../../../src/store/address.ts";
import { emulated } from "./platform.ts";
import type { Chat } from "./workspace.ts";

const PATIENCE = 20_000;

export const saying = (text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  ...{ text, author: "agent", answers: [], files: [], buttons: [] },
  ...more,
});

export async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE; !holds(); await sleep(5)) {
    if (Date.now() > end) throw new Error(`it never came to pass: ${holds}`);
  }
}

/** @param way how the channel gets its events */
export async function roomOn(t: TestContext, way: "socket" | "webhook" = "socket") {
  const world = await emulated(way);
  const { emulator } = world;
  /** What the host has for good, each once, as the real one has it; and everything that it was told. */
  const kept = new Map<string, ChannelEvent>();
  const told: ChannelEvent[] = [];
  const presses: ButtonPress[] = [];
  const rules = {
    judge: (_: ChannelEvent): Acceptance => ({ status: "accepted" }),
    /** What the host does before it answers. */
    pause: async (): Promise<void> => {},
  };
  const host = {
    async accept(event: ChannelEvent): Promise<Acceptance> {
      told.push(event);
      await rules.pause();
      const acceptance = rules.judge(event);
      const key = `${event.address.chat}/${event.platformId}/${event.revision}`;
      if (kept.has(key)) return { status: "duplicate" };
      if (acceptance.status !== "ignored") kept.set(key, event);
      return acceptance;
    },
    async press(press: ButtonPress): Promise<string> {
      presses.push(press);
      return `noted <!channel> ${press.value}`;
    },
  };
  const channels: Channel[] = [];
  const open = () => {
    const channel = world.open();
    channels.push(channel);
    return channel;
  };
  t.after(async () => {
    await Promise.all(channels.map((channel) => channel.stop()));
    await emulator.close();
  });
  return {
    ...{ ...world, host, kept, told, presses, rules, open },
    async start(): Promise<Channel> {
      const channel = open();
      await channel.start(host);
      return channel;
    },
    texts: () => [...kept.values()].map(({ text }) => text),
    at: (chat: Chat = world.direct, thread: string | null = null): Address => ({
      channel: "slack",
      chat: chat.id,
      thread,
    }),
  };
}

/** What the optional methods of a channel are, which Slack's all has. */
export function whole(channel: Channel) {
  const { edit, react, reconcile, fetch } = channel;
  assert.ok(edit && react && reconcile && fetch);
  return {
    edit: edit.bind(channel),
    react: react.bind(channel),
    reconcile: reconcile.bind(channel),
    fetch: fetch.bind(channel),
  };
}
