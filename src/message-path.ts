/** The way of a message through the host, built from its ports: the same on a real machine (main.ts) and a simulated one. */

import type { FlowGuard } from "./access/flow-guard.ts";
import { tellOwner } from "./access/owner.ts";
import { ChannelRegistry, type RegistryParts } from "./channels/registry.ts";
import type { Terminal } from "./channels/terminal.ts";
import { Router, type RouterParts } from "./inbound/router.ts";
import { messageOf } from "./lib/errors.ts";
import type { Random } from "./lib/ids.ts";
import { Delivery } from "./outbound/delivery.ts";
import { Drafts } from "./outbound/drafts.ts";
import { Supervisor, type SupervisorOptions } from "./sessions/supervisor.ts";
import type { OutboxRow } from "./store/outbox.ts";

/** Failed tries of a message after which the owner hears that its channel does not work. */
const TELL_OWNER_AFTER = 4;

export interface PathPorts extends Omit<SupervisorOptions, "onProgress">, Pick<RegistryParts, "load" | "credentials"> {
  random: Random;
  guard: FlowGuard;
  terminal: Terminal;
  /** Channels beside the terminal that are always there. */
  more: RegistryParts["builtIn"];
  /** Those that were added, by id. */
  added(): string[];
  approvals: RouterParts["approvals"];
  commands: RouterParts["commands"];
  hold: RouterParts["hold"];
  pair: RouterParts["pair"];
}

export interface MessagePath {
  registry: ChannelRegistry;
  router: Router;
  supervisor: Supervisor;
  /** Takes over what an earlier process left, and only then lets new messages in. */
  start(): Promise<void>;
  /** Lets nothing more in; resolves when every container is gone and what it left is taken. */
  stop(): Promise<void>;
}

export function messagePath(ports: PathPorts): MessagePath {
  const { store, audit, clock, random, log, guard, terminal, more, load, credentials } = ports;
  const registry = new ChannelRegistry({
    ...{ builtIn: [terminal, ...more], clock, random, load, credentials, memory: store.memory },
    log: log.child({ part: "channels" }),
    onUp: () => delivery.look(),
  });
  const channel = (id: string) => registry.get(id);
  const drafts = new Drafts({ store, clock, channel, guard });
  const supervisor = new Supervisor({
    ...ports,
    log: log.child({ part: "sessions" }),
    onProgress: (session, progress) => drafts.show(session, ports.tripwire.shown(session, progress)),
  });
  const router = new Router({
    ...{ store, audit, clock, random, guard, approvals: ports.approvals, commands: ports.commands },
    hold: (event, room) => ports.hold(event, room),
    pair: (event) => ports.pair(event),
    wake: (session) => supervisor.wake(session),
  });
  const delivery = new Delivery({
    ...{ store, audit, clock, random, channel, drafts, guard, log: log.child({ part: "delivery" }) },
    onTrouble: (row, tries, why) => tries >= TELL_OWNER_AFTER && channelTrouble(row, why),
  });

  function channelTrouble(row: OutboxRow, why: string): void {
    const text = `Messages to ${row.channel} can't be delivered (last: ${why}). They are kept; \`ncl outbox list\` shows them, \`ncl channels list\` how the channel is.`;
    try {
      tellOwner(store, `channel:${row.channel}`, text, { channel: row.channel }, clock.now());
    } catch (error) {
      log.error({ error: messageOf(error) }, "the owner could not be told");
    }
  }

  return {
    ...{ registry, router, supervisor },
    async start() {
      await supervisor.start();
      await registry.start(router, ports.added());
      delivery.start();
    },
    async stop() {
      await registry.stop();
      await supervisor.stop();
      delivery.stop();
    },
  };
}
