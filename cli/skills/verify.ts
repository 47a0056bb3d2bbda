/** Looks whether a skill does its work: whether all is installed, it has what it needs, and its channel is up. Changes nothing. */
import { messageOf } from "../../src/lib/errors.ts";
import { type ControlClient, VerbError } from "../client.ts";
import { type Skill, skillNamed } from "./catalog.ts";
import { packagesOf } from "./installed.ts";
import { areOutdated } from "./packages.ts";
import { settledState } from "./state.ts";

export interface Check {
  check: "packages" | "credentials" | "channel";
  passed: boolean;
  found: string;
  /** What to do; empty where it passed. */
  next: string;
}

export interface Verdict {
  skill: string;
  works: boolean;
  checks: Check[];
}

/** @throws Misuse where there is no such skill, HostDown where its channel can't be looked at */
export async function verifySkill(root: string, client: ControlClient, name: string): Promise<Verdict> {
  const skill = skillNamed(root, name);
  const checks = [packages(root, skill)];
  if (skill.kind === "channel") checks.push(await credentials(client, skill), await channel(client, skill));
  return { skill: skill.name, works: checks.every(({ passed }) => passed), checks };
}

const passes = (check: Check["check"], found: string): Check => ({ check, passed: true, found, next: "" });
const fails = (check: Check["check"], found: string, next: string): Check => ({ check, passed: false, found, next });
const adding = ({ name }: Skill) => `Run: ncl skills add ${name}`;

function packages(root: string, skill: Skill): Check {
  const needed = packagesOf(root, skill.folder);
  const missing = needed.filter(({ installed }) => installed === null).map(({ name }) => name);
  if (missing.length > 0) return fails("packages", `not installed: ${missing.join(", ")}`, adding(skill));
  if (areOutdated(root, skill.folder))
    return fails("packages", "the lockfile has changed since they were installed", adding(skill));
  return passes("packages", needed.map(({ name, installed }) => `${name} ${installed}`).join(", ") || "it needs none");
}

async function credentials(client: ControlClient, skill: Skill): Promise<Check> {
  try {
    const { fields } = await client.call("channels.describe", { channel: skill.name });
    const missing = fields.filter(({ required, isSet }) => required && !isSet).map(({ label }) => label);
    if (missing.length > 0) return fails("credentials", `missing: ${missing.join(", ")}`, adding(skill));
    return passes("credentials", fields.length > 0 ? "all that it must have" : "it needs none");
  } catch (error) {
    if (!(error instanceof VerbError)) throw error;
    return fails("credentials", messageOf(error), error.hint || adding(skill));
  }
}

/** A channel that says it is up has reached its platform, and was let in. */
async function channel(client: ControlClient, skill: Skill): Promise<Check> {
  const state = await settledState(client, skill.name);
  if (!state) return fails("channel", "it was not added", adding(skill));
  const found = state.detail ? `${state.state}: ${state.detail}` : state.state;
  if (state.state === "up") return passes("channel", found);
  return fails("channel", found, `Put that right, then run: ncl skills add ${skill.name}`);
}

/** For people: each check with what was found, and where it failed what to do. */
export function verdictText({ skill, works, checks }: Verdict): string {
  const lines = checks.map(
    ({ check, passed, found, next }) => `${passed ? "✓" : "✗"} ${check}: ${found}\n${next ? `    ${next}\n` : ""}`,
  );
  return `${lines.join("")}${skill} ${works ? "works" : "does not work"}.\n`;
}
