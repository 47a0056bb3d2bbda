/** `ncl usage`: what the models were used for, with a bar for each day, agent, person, model or session. */
import { dollars, tokens } from "../api/money.ts";
import type { Usage, UsageSums } from "../api/results.ts";
import type { VerbInput } from "../api/verbs.ts";
import type { ControlClient } from "./client.ts";
import { grid } from "./show.ts";
import { oneLine } from "./text.ts";

export interface UsageOptions extends VerbInput<"usage.show"> {
  json?: boolean;
}

export async function usage(client: ControlClient, args: VerbInput<"usage.show">, json: boolean): Promise<void> {
  const used = await client.call("usage.show", args);
  process.stdout.write(json ? `${JSON.stringify(used)}\n` : usageText(used));
}

/** Columns of the longest bar. */
const BAR = 24;
/** Parts of a column that can be drawn, from an eighth on. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const MOST_LABEL = 40;

export function usageText({ by, since, rows, total }: Usage): string {
  if (rows.length === 0) return `No model was used since ${since}.\n`;
  // By cost, or by tokens where nothing cost anything.
  const weight = (row: UsageSums) => (total.cost > 0 ? row.cost : allTokens(row));
  const most = Math.max(...rows.map(weight));
  const lines = rows.map((row) => [
    oneLine(row.label, MOST_LABEL),
    bar(most === 0 ? 0 : weight(row) / most),
    costText(row),
    tokens(allTokens(row)),
    String(row.requests),
  ]);
  const sum = ["total", "", costText(total), tokens(allTokens(total)), String(total.requests)];
  const notes = [
    total.estimated > 0 ? `Counted by an estimate (~): ${total.estimated}, whose answers told no numbers.` : "",
    total.unpriced > 0
      ? `Without a known cost (+?): ${total.unpriced}. Set it: ncl usage price MODEL --input DOLLARS --output DOLLARS`
      : "",
  ].filter(Boolean);
  const table = grid([by, `since ${since}`, "cost", "tokens", "requests"], [...lines, sum]);
  return [table, ...notes.map((note) => `${note}\n`)].join("");
}

/** "$1.20 (38 requests)", "nothing", "free (3 requests)" */
export function usedText(sums: UsageSums): string {
  if (sums.requests === 0) return "no model was used";
  return `${costText(sums)} for ${tokens(allTokens(sums))} tokens in ${sums.requests} requests`;
}

/** With ~ for what is estimated, and +? for what is not known. */
function costText({ cost, requests, estimated, unpriced }: UsageSums): string {
  if (unpriced === requests) return "unknown";
  if (cost === 0 && unpriced === 0) return "free";
  return `${estimated > 0 ? "~" : ""}${dollars(cost)}${unpriced > 0 ? " +?" : ""}`;
}

const allTokens = ({ input, output, cacheRead, cacheWrite }: UsageSums) => input + output + cacheRead + cacheWrite;

function bar(share: number): string {
  const eighths = Math.round(share * BAR * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}
