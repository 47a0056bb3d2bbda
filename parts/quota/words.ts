/** What people and agents are told about a workspace that is too large: what was reached and what to do now. */
import type { Found, Reached, Size } from "./limits.ts";

/** `10.2 GB`, with as many digits as tell it apart from its neighbours. */
export function sizeName(bytes: number): string {
  for (const [unit, name] of [
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const)
    if (bytes >= unit) return `${Number((bytes / unit).toPrecision(3))} ${name}`;
  return `${bytes} bytes`;
}

const filesName = (files: number) => `${files.toLocaleString("en")} files and folders`;

function holds(reached: Reached, found: Found, limit: Size): string {
  switch (reached) {
    case "bytes":
      return `holds ${sizeName(found.bytes)}, and its limit is ${sizeName(limit.bytes)}`;
    case "files":
      // What is above the limit is not counted to its end.
      return `holds more than ${filesName(limit.files)}, and that is its limit`;
    case "hidden":
      return `has ${found.hidden} folders that nobody can look into, so it can't be said to be within its limit of ${sizeName(limit.bytes)}`;
  }
}

/** The command that makes room for as much again. */
function raise(folder: string, reached: Reached, found: Found, limit: Size): string {
  const more = (now: number, most: number) => Number((2 * Math.max(now, most)).toPrecision(2));
  if (reached === "files") return `\`ncl quota set ${folder} --files ${more(found.files, limit.files)}\``;
  return `\`ncl quota set ${folder} --gigabytes ${more(found.bytes, limit.bytes) / 1e9}\``;
}

export interface Told {
  /** The agent group's folder. */
  folder: string;
  reached: Reached;
  found: Found;
  limit: Size;
  most: Size;
}

/** In the conversation whose turn was stopped. */
export function stopped({ folder, reached, found, limit, most }: Told): string {
  const what = `I stop here: my workspace ${holds(reached, found, limit)}.`;
  const raised = `raise the limit on my machine: ${raise(folder, reached, found, limit)}.`;
  if (reached === "hidden")
    return `${what} I make these folders readable again before I start anew. Write again, or ${raised}`;
  const growth = reached === "bytes" ? sizeName(most.bytes) : filesName(most.files);
  return `${what} Write again and let me clear up: for that I may run as long as it stays below ${growth}. Or ${raised}`;
}

/** Why nothing starts; what is said around it tells that the message is kept. */
export function full({ folder, reached, found, limit }: Told): { what: string; hint: string } {
  return {
    what: `my workspace ${holds(reached, found, limit)}; I was to clear it up, and it has grown instead`,
    hint: `Delete what is not needed in groups/${folder}/workspace, or raise the limit: ${raise(folder, reached, found, limit)}.`,
  };
}

/** To the owner, wherever else they are. */
export function forOwner(told: Told): string {
  return `The workspace of the agent "${told.folder}" ${holds(told.reached, told.found, told.limit)}. What ran was stopped. ${raise(told.folder, told.reached, told.found, told.limit)} raises it; \`ncl quota list\` shows all.`;
}

/** To the agent, with the next message that it gets. */
export function forAgent({ reached, found, limit, most }: Told): string {
  const growth = `${sizeName(most.bytes)} and ${filesName(most.files)}`;
  return `Your last turn was stopped: the workspace ${holds(reached, found, limit)}. Before anything else delete what is not needed any more (\`du -xh --max-depth=2 /workspace | sort -h\` shows what is large) until it is below its limit. You are stopped again if it grows above ${growth}.`;
}
