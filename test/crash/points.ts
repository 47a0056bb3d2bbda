/**
 * The points at which a host can die: the known ones in points.json, and what a recorded run has passed. A step that
 * nobody has listed, or one that is gone, is found by comparing the two.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const PHASES = ["before", "half", "after"] as const;

/** Where a host is to die: at the `nth` passing of a point in the `run`th host process of the scenario. */
export interface Target {
  run: number;
  label: string;
  nth: number;
  /** `half`: with half of a file written. */
  phase: (typeof PHASES)[number];
}

/** What a scenario passed: for each host process of it, in order, the labels in order. */
export type Recording = string[][];

/** How often each label was passed in each run; null in place of a count that differs from recording to recording. */
export interface Known {
  /** In every recording; by label, the least count in each run. */
  always: Record<string, number[]>;
  /** In some recordings: depends on timing. */
  sometimes: string[];
}

export const FILE = join(import.meta.dirname, "points.json");
export const HOW_TO_UPDATE =
  "node test/crash/record.ts writes test/crash/points.json anew; read its difference, then commit it";

export function knownPoints(): Known {
  return JSON.parse(readFileSync(FILE, "utf8")) as Known;
}

export function countsOf(recording: Recording): Map<string, number[]> {
  const counts = new Map<string, number[]>();
  for (const [run, labels] of recording.entries()) {
    for (const label of labels) {
      const runs = counts.get(label) ?? recording.map(() => 0);
      runs[run] = (runs[run] ?? 0) + 1;
      counts.set(label, runs);
    }
  }
  return counts;
}

/** @returns one line for each label that is new or gone */
export function differences(known: Known, recording: Recording): string[] {
  const counts = countsOf(recording);
  const fresh = [...counts.keys()].filter((label) => !known.always[label] && !known.sometimes.includes(label));
  const gone = Object.keys(known.always).filter((label) => !counts.has(label));
  return [
    ...fresh.map((label) => `new durable step or side effect: ${label}`),
    ...gone.map((label) => `no longer there: ${label}`),
  ];
}

/**
 * A file's half. What is asked of the engine: a death before and after. What is told or begun: before it, for after it
 * nothing of it is ours. What is durable: after it, for before it is after the step before.
 */
function phasesOf(label: string): Target["phase"][] {
  if (/^(writeFile|appendFile) /.test(label)) return ["half"];
  if (/^(request|fetch) /.test(label)) return ["before", "after"];
  return /^(answer|ring|spawn) /.test(label) ? ["before"] : ["after"];
}

/**
 * The deaths to try. @param all every passing of every label; else every label once: at its first passing where it makes something that is not there yet, else in the middle of them
 */
export function targets(known: Known, all: boolean): Target[] {
  const chosen: Target[] = [];
  for (const [label, runs] of Object.entries(known.always)) {
    const passings = runs.flatMap((count, run) => Array.from({ length: count }, (_, i) => ({ run, nth: i + 1 })));
    const one = /^(commit|write|request|ring|answer) /.test(label) ? passings.length >> 1 : 0;
    const picked = all ? passings : passings.slice(one, one + 1);
    for (const { run, nth } of picked) for (const phase of phasesOf(label)) chosen.push({ run, label, nth, phase });
  }
  return chosen;
}

export function nameOf({ run, label, nth, phase }: Target): string {
  return `run ${run + 1}, ${phase === "half" ? "in the middle of" : phase} ${label}, passing ${nth}`;
}
