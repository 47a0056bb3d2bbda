/** How results of verbs are said in a chat. */
import { dollars, tokens } from "../../api/money.ts";
import type { VerbResult } from "../../api/verbs.ts";

const STATES: Record<string, string> = {
  cold: "asleep; the next message wakes me up",
  cooling: "about to start again after trouble",
  waiting: "waiting for a place to start",
  starting: "starting",
  ready: "ready",
  resting: "resting",
  busy: "at work",
  stopping: "ending",
  recovering: "ending",
};

export function status(
  { agent, model, state, queued, runningSince, anew }: VerbResult<"sessions.show">,
  now: number,
): string {
  const lines = [`${agent} is ${STATES[state] ?? state}.`];
  if (runningSince !== null) lines.push(`At work for ${minutes(now - runningSince)}.`);
  if (queued > 0) lines.push(`Messages without an answer yet: ${queued}.`);
  if (anew) lines.push("The next message begins a new conversation.");
  lines.push(`Model: ${model}.`);
  return lines.join("\n");
}

function minutes(ms: number): string {
  const count = Math.round(ms / 60_000);
  return count < 1 ? "less than a minute" : count === 1 ? "a minute" : `${count} minutes`;
}

export function costs({ rows, total }: VerbResult<"usage.show">): string {
  const days = rows.map(
    (row) => `${row.label || row.key}: ${dollars(row.cost)}, ${tokens(row.input + row.output)} tokens`,
  );
  const unknown = total.unpriced > 0 ? ` Of ${total.unpriced} requests the cost is not known.` : "";
  return [...days, `In seven days: ${dollars(total.cost)} for ${total.requests} requests.${unknown}`].join("\n");
}

export function list(tasks: VerbResult<"tasks.list">): string {
  if (tasks.length === 0) return "I have no scheduled tasks.";
  return tasks.map(({ task, name, schedule, state }) => `${task} ${name}: ${schedule}, ${state}`).join("\n");
}
