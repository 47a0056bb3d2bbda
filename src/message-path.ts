/** The way of a message through the host, built from its ports: the same on a real machine (main.ts) and a simulated one. */
import type { Channel } from "./channels/channel.ts";
import { TerminalChannel } from "./channels/terminal.ts";
import { Router } from "./inbound/router.ts";
import { taskVoice } from "./inbound/task-voice.ts";
import type { Random } from "./lib/ids.ts";
import { Delivery } from "./outbound/delivery.ts";
import { Supervisor, type SupervisorOptions } from "./sessions/supervisor.ts";
import type { Store } from "./store/store.ts";
import { Scheduler } from "./tasks/scheduler.ts";

export interface PathPorts extends Omit<SupervisorOptions, "onProgress"> {
  random: Random;
  /** Channels beside the terminal. */
  more: Channel[];
}

export interface MessagePath {
  terminal: TerminalChannel;
  channels: Channel[];
  router: Router;
  supervisor: Supervisor;
  scheduler: Scheduler;
  /** Takes over what an earlier process left, and only then lets new messages in. */
  start(): Promise<void>;
  /** Lets nothing more in; resolves when every container is gone and what it left is taken. */
  stop(): Promise<void>;
}

export function messagePath(ports: PathPorts): MessagePath {
  const { store, audit, clock, random, log, more } = ports;
  const terminal = new TerminalChannel(store.db, clock, (chat) => agentOf(store, chat));
  const channels: Channel[] = [terminal, ...more];
  const channel = (id: string) => channels.find((one) => one.id === id);
  const supervisor = new Supervisor({
    ...ports,
    log: log.child({ part: "sessions" }),
    onProgress: (session, { turn, text, activity }) =>
      channel(session.channel)?.draft?.(
        { channel: session.channel, chat: session.chat, thread: session.thread },
        { turn: `${session.id}:${turn}`, text, activity },
      ),
  });
  const router = new Router({ store, audit, clock, random, wake: (session) => supervisor.wake(session) });
  const delivery = new Delivery({ store, audit, clock, random, channel, log: log.child({ part: "delivery" }) });
  const scheduler = new Scheduler({
    ...{ store, audit, clock, log: log.child({ part: "tasks" }) },
    tell: taskVoice(store, router),
    dismiss: (session) => supervisor.dismiss(session),
  });
  return {
    ...{ terminal, channels, router, supervisor, scheduler },
    async start() {
      await supervisor.start();
      for (const one of channels) await one.start(router);
      delivery.start();
      scheduler.start();
    },
    async stop() {
      scheduler.stop();
      for (const one of channels) await one.stop();
      await supervisor.stop();
      delivery.stop();
    },
  };
}

/** How the agent of a terminal chat is called. */
function agentOf(store: Store, chat: string): string {
  const room = store.groups.messagingGroup("terminal", chat);
  const wiring = room && store.groups.wirings(room.id)[0];
  return (wiring && store.groups.agentGroup(wiring.agentGroup)?.name) ?? "Agent";
}
