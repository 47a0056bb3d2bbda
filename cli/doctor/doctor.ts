/** `ncl doctor`: finds and explains what is wrong, and mends what can be mended. */
import { spawnSync } from "node:child_process";
import type { Paths } from "../../src/lib/paths.ts";
import type { ControlClient } from "../client.ts";
import { exit, Leave } from "../outcome.ts";
import { oneLine } from "../text.ts";
import { factsOf } from "./facts.ts";
import { type Finding, judge, type State } from "./judge.ts";

export interface DoctorOptions {
  json: boolean;
  /** Mends without asking. */
  fix: boolean;
}

const MARKS: Record<State, string> = { well: "✓", attention: "!", wrong: "✗" };

/** @throws Leave with 1 where something is wrong at the end */
export async function doctor(paths: Paths, client: ControlClient, { json, fix }: DoctorOptions): Promise<void> {
  const look = async () => judge(await factsOf(paths, client));
  if (!json && process.stderr.isTTY) process.stderr.write("Looking …\r");
  let findings = await look();
  if (!json) process.stdout.write(findings.map(lineOf).join(""));
  const mendable = findings.filter((one) => one.mend !== null);
  const chosen = fix ? mendable : json ? [] : await askFor(mendable);
  for (const one of chosen) mend(paths, one, json);
  if (chosen.length > 0) {
    findings = await look();
    if (!json)
      process.stdout.write(
        `\nNow:\n${findings
          .filter(({ state }) => state !== "well")
          .map(lineOf)
          .join("")}`,
      );
  }
  process.stdout.write(json ? `${JSON.stringify(findings)}\n` : `\n${summaryOf(findings)}\n`);
  if (findings.some(({ state }) => state === "wrong")) throw new Leave(exit.failed);
}

function lineOf({ what, state, detail, next }: Finding): string {
  const line = `${MARKS[state]} ${what.padEnd(10)} ${oneLine(detail)}\n`;
  return next === "" ? line : `${line}  ${"".padEnd(10)} ${oneLine(next)}\n`;
}

export function summaryOf(findings: Finding[]): string {
  const count = (wanted: State) => findings.filter(({ state }) => state === wanted).length;
  const [wrong, attention] = [count("wrong"), count("attention")];
  if (wrong + attention === 0) return "All is well.";
  const said = [wrong > 0 ? `${wrong} wrong` : "", attention > 0 ? `${attention} to know` : ""].filter(Boolean);
  return `${said.join(", ")}, ${count("well")} well.`;
}

async function askFor(mendable: Finding[]): Promise<Finding[]> {
  if (mendable.length === 0 || !process.stdin.isTTY || !process.stderr.isTTY) return [];
  const { confirm, isCancel } = await import("@clack/prompts");
  const chosen: Finding[] = [];
  for (const one of mendable) {
    const answer = await confirm({ message: `Run: ${one.mend?.join(" ")}`, output: process.stderr });
    if (isCancel(answer)) break;
    if (answer) chosen.push(one);
  }
  return chosen;
}

/** What it says goes to the terminal; whether it helped, the next look shows. */
function mend(paths: Paths, { mend: command }: Finding, json: boolean): void {
  const [program = "", ...words] = command ?? [];
  process.stderr.write(`\n$ ${[program, ...words].join(" ")}\n`);
  spawnSync(program, words, { cwd: paths.root, stdio: ["ignore", json ? 2 : 1, 2] });
}
