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
 * What dies in every run, in the order of a message's life: one for each kind of durable step and side effect on its way,
 * and for what else must not happen by halves. Each begins the label of one point.
 */
const CORE = [
  "commit inbound/router.ts:#enqueue < drivers/terminal",
  "answer POST /v1/verbs/chat.send",
  "mkdir sessions/folder.ts:prepareFolder",
  "create main.ts:openMailbox",
  "writeFile sessions/folder.ts:writeConfig",
  "commit sessions/feed.ts:#commit < sessions/session-actor.ts:(anonymous)",
  "ring ",
  "request POST /containers/create",
  "request POST /containers/ID/start",
  "commit sessions/apply.ts:applyRows",
  "write store/outbox.ts:Outbox.claim",
  "write drivers/terminal/terminal.ts:#append < outbound",
  "commit outbound/delivery.ts:#sent",
  "rename outbound/delivery.ts:perform",
  "commit store/outbox.ts:Outbox.split",
  "commit sessions/judge.ts:judge",
  "commit control/execute.ts:record < parts/chats/index.ts:chat.stop",
  "commit parts/tasks/scheduler.ts:#startOrFail",
  "request DELETE /containers/ID",
];
/** Deaths elsewhere, others with each seed. */
const SAMPLE = 8;

/** What begins in CORE and is no point any more, or more than one. */
export function unfitCore({ always }: Known): string[] {
  return CORE.filter((start) => Object.keys(always).filter((label) => label.startsWith(start)).length !== 1);
}

/**
 * The deaths to try. Without `all` those of CORE, each in the first process that passes it, for that life is the shortest:
 * at the first passing where it makes something that is not there yet, else in the middle of them; and a sample of all
 * others. With it every label in every process that passes it, at the first passing there, and once at one of the others.
 * @param random chooses the sample, and the other passing
 */
export function targets({ always }: Known, all: boolean, random: () => number): Target[] {
  const deaths = (label: string, passings: { run: number; nth: number }[]) =>
    passings.flatMap(({ run, nth }) => phasesOf(label).map((phase): Target => ({ run, label, nth, phase })));
  const passingsOf = (counts: number[], of: (count: number) => number[]) =>
    counts.flatMap((count, run) => of(count).map((nth) => ({ run, nth })));
  if (all) {
    return Object.entries(always).flatMap(([label, counts]) => {
      const [first = [], later = []] = split(passingsOf(counts, upTo), ({ nth }) => nth === 1);
      const other = later[Math.floor(random() * later.length)];
      return deaths(label, other ? [...first, other] : first);
    });
  }
  const every = Object.entries(always).map(([label, counts]) => ({ label, passings: passingsOf(counts, upTo) }));
  const isCore = (label: string) => CORE.some((start) => label.startsWith(start));
  const core = every
    .filter(({ label }) => isCore(label))
    .flatMap(({ label, passings }) => {
      const here = passings.filter(({ run }) => run === passings[0]?.run);
      const one = /^(commit|write|request|ring|answer|rename) /.test(label) ? here.length >> 1 : 0;
      return deaths(label, here.slice(one, one + 1));
    });
  const others = every.flatMap(({ label, passings }) => (isCore(label) ? [] : [deaths(label, passings)]));
  // By label first: one that is passed often is not met more often than one that is passed once.
  const sample = Array.from({ length: Math.min(SAMPLE, others.length) }, () => {
    const [one = []] = others.splice(Math.floor(random() * others.length), 1);
    return one[Math.floor(random() * one.length)];
  });
  return [...core, ...sample.filter((target) => target !== undefined)];
}

const split = <T>(all: T[], is: (one: T) => boolean) => [all.filter(is), all.filter((one) => !is(one))];
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

export function nameOf({ run, label, nth, phase }: Target): string {
  return `run ${run + 1}, ${phase === "half" ? "in the middle of" : phase} ${label}, passing ${nth}`;
}
