/** What the verbs that look after the installation do: status, credentials, the model, the outbox. */
import type { Status } from "../../api/results.ts";
import type { ChannelRegistry } from "../../src/channels/registry.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { ModelChoice } from "../../src/gateway/model-choice.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { SandboxDriver } from "../../src/sandbox/sandbox.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { OutboxRow, OutboxState } from "../../src/store/outbox.ts";
import type { Store } from "../../src/store/store.ts";

export interface CareParts {
  store: Store;
  model: ModelChoice;
  driver: SandboxDriver;
  supervisor: Supervisor;
  registry: ChannelRegistry;
  version: string;
  installation: string;
  startedAt: number;
  /** What models were used for today. */
  today(): Status["today"];
  /** Begins to stop the host; returns at once. */
  stopHost(): void;
}

export function careEffects(
  parts: CareParts,
): Pick<Effects, Extract<keyof Effects, "status" | `${"host" | "model" | "outbox"}.${string}`>> {
  const { store } = parts;
  return {
    status: async () => ({
      version: parts.version,
      pid: process.pid,
      installation: parts.installation,
      startedAt: parts.startedAt,
      memory: process.memoryUsage.rss(),
      model: parts.model.current(),
      today: parts.today(),
      engine: await engineHealth(parts.driver),
      channels: parts.registry.health(),
      sessions: parts.supervisor.counts(),
      queues: {
        inbound: store.inbox.countUnfinished(),
        starting: parts.supervisor.waiting,
        ...outboxQueues(store.outbox.counts()),
      },
    }),

    "host.stop": (_args, { record }) => record("host", () => done(parts.stopHost)),

    "model.use": async ({ model, address }, { record }) => {
      record(`model:${model}`, () => parts.model.choose(model, address ?? null), address ? { address } : {});
      await parts.model.apply();
      return parts.model.current();
    },

    "outbox.list": ({ state, limit }) => store.outbox.list(state ?? null, limit).map(shownRow),
    "outbox.retry": ({ id }, { record }) =>
      record(`outbox:${id}`, () => {
        if (store.outbox.reopen(id)) return done();
        throw new Misuse(`message ${id} is not one that was given up`, "`ncl outbox list` shows them.");
      }),
  };
}

function done(effect?: () => void): { done: true } {
  effect?.();
  return { done: true };
}

async function engineHealth(driver: SandboxDriver): Promise<{ state: string; detail: string }> {
  try {
    const { version, runtimes } = await driver.check();
    return { state: "up", detail: `${driver.id} ${version}, runtimes ${runtimes.join(", ")}` };
  } catch (error) {
    return { state: "down", detail: messageOf(error) };
  }
}

function outboxQueues({
  pending = 0,
  sending = 0,
  retry = 0,
  unknown = 0,
  dead = 0,
}: Partial<Record<OutboxState, number>>) {
  return { outbox: pending + sending + retry, dead: dead + unknown };
}

function shownRow(row: OutboxRow) {
  return {
    id: row.id,
    state: row.state,
    to: `${row.channel}:${row.chat}`,
    tries: row.tries,
    nextAt: row.nextAt || null,
    error: row.error ?? "",
    text: row.text.slice(0, 80),
  };
}
