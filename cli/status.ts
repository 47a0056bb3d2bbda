/** `ncl status`: how the host is, also when it isn't. */
import type { Status } from "../api/results.ts";
import type { ControlClient } from "./client.ts";
import { duration, grid } from "./show.ts";
import { oneLine } from "./text.ts";
import { usedText } from "./usage.ts";

export async function status(client: ControlClient, json: boolean): Promise<void> {
  const now = await client.call("status", {});
  process.stdout.write(json ? `${JSON.stringify(now)}\n` : statusText(now, Date.now()));
}

/** @param at now, milliseconds since the epoch */
export function statusText(status: Status, at: number): string {
  const { queues, model } = status;
  const practice = model.model === "practice";
  const sessions = Object.entries(status.sessions).filter(([, count]) => count > 0);
  const waiting = [
    [queues.inbound, "messages without an answer yet"],
    [queues.starting, "sessions without a container yet"],
    [queues.outbox, "messages on their way out"],
    [queues.dead, "messages given up (see: ncl outbox list --state dead)"],
  ] as const;
  const lines = [
    ["host", `up for ${duration(at - status.startedAt)}, version ${status.version}, pid ${status.pid}`],
    ["memory", `${Math.round(status.memory / 1e6)} MB`],
    ["model", `${practice ? "practice (scripted, no account)" : model.model} at ${model.address}`],
    ["today", usedText(status.today)],
    ["engine", health(status.engine)],
    ...status.channels.map((channel) => ["channel", `${channel.id}: ${health(channel)}`]),
    ["sessions", sessions.map(([state, count]) => `${count} ${state}`).join(", ") || "none"],
    ...waiting.filter(([count]) => count > 0).map(([count, what]) => ["waiting", `${what}: ${count}`]),
  ];
  const rows = lines.map((cells) => cells.map((text) => oneLine(text)));
  return grid(rows[0] ?? [], rows.slice(1));
}

const health = ({ state, detail }: { state: string; detail: string }) => (detail ? `${state} (${detail})` : state);
