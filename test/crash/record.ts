/**
 * Writes points.json: the durable steps and side effects that the scenario passes. Run it when the suite says that a
 * step is new or gone, and read the difference: each new line is a place where a host can die.
 *   node test/crash/record.ts [how many recordings]
 */
import { writeFileSync } from "node:fs";
import { countsOf, FILE, type Known, type Recording } from "./points.ts";
import { scenario } from "./scenario.ts";
import { World } from "./world.ts";

/** What the whole scenario passes when nobody dies by surprise. */
export async function record(): Promise<Recording> {
  const world = new World();
  try {
    await scenario(world);
    return world.recording();
  } finally {
    await world.remove();
  }
}

/** What all recordings have, with the least counts, and what only some of them have. */
export function summary(recordings: Recording[]): Known {
  const counts = recordings.map(countsOf);
  const labels = [...new Set(counts.flatMap((one) => [...one.keys()]))].sort();
  const known: Known = { always: {}, sometimes: [] };
  for (const label of labels) {
    const seen = counts.flatMap((one) => one.get(label) ?? []);
    const all = counts.flatMap((one) => (one.has(label) ? [one.get(label) ?? []] : []));
    if (all.length < recordings.length || seen.length === 0) known.sometimes.push(label);
    else known.always[label] = all.reduce((least, runs) => least.map((count, run) => Math.min(count, runs[run] ?? 0)));
  }
  return known;
}

if (import.meta.main) {
  const recordings: Recording[] = [];
  for (let i = 0; i < Number(process.argv[2] ?? 5); i++) recordings.push(await record());
  const known = summary(recordings);
  const { always, sometimes } = known;
  const lines = Object.entries(always).map(([label, counts]) => `    ${JSON.stringify(label)}: [${counts.join(", ")}]`);
  const rest = sometimes.map((label) => JSON.stringify(label)).join(", ");
  writeFileSync(FILE, `{\n  "always": {\n${lines.join(",\n")}\n  },\n  "sometimes": [${rest}]\n}\n`);
  process.stdout.write(`${Object.keys(always).length} labels in every recording, ${sometimes.length} in some\n`);
}
