/** What a skill is: what it does, what it needs, what is installed of it, and how it is. */
import { withHint } from "../../src/lib/errors.ts";
import { type ControlClient, HostDown, VerbError } from "../client.ts";
import { type Skill, skillNamed } from "./catalog.ts";
import type { Field } from "./credentials.ts";
import { type InstalledPackage, packagesOf, sizeOf } from "./installed.ts";
import { stateOf } from "./state.ts";

export interface SkillInfo {
  name: string;
  kind: Skill["kind"];
  /** What it does. */
  does: string;
  folder: string;
  /** All that it needs is there. */
  installed: boolean;
  /** Bytes of its packages, with all that these need. */
  size: number;
  /** As a channel says it, or `not added`, or `unknown`; empty where there is nothing to start. */
  state: string;
  detail: string;
  packages: InstalledPackage[];
  /** What it asks for; null where that can't be known now, which `detail` says. */
  credentials: Field[] | null;
}

type Standing = Pick<SkillInfo, "state" | "detail" | "credentials">;

/** @throws Misuse where there is no such skill */
export async function skillInfo(root: string, client: ControlClient, name: string): Promise<SkillInfo> {
  const skill = skillNamed(root, name);
  const { folder, kind, description: does } = skill;
  const packages = packagesOf(root, folder);
  const installed = packages.every((one) => one.installed !== null);
  const size = sizeOf(root, folder);
  return { name: skill.name, kind, does, folder, installed, size, ...(await standingOf(client, skill)), packages };
}

async function standingOf(client: ControlClient, { kind, name }: Skill): Promise<Standing> {
  if (kind === "instructions") return { state: "", detail: "", credentials: [] };
  try {
    const { state, detail } = (await stateOf(client, name)) ?? { state: "not added", detail: "" };
    const { fields, why } = await fieldsOf(client, name);
    return { state, detail: [detail, why].filter((text) => text !== "").join(". "), credentials: fields };
  } catch (error) {
    // What lies in the project folder can be seen without a host.
    if (!(error instanceof HostDown)) throw error;
    return { state: "unknown", detail: withHint(error.message, error.hint), credentials: null };
  }
}

/** The code of a channel says what it needs, so the host has to be able to load it. */
async function fieldsOf(client: ControlClient, channel: string): Promise<{ fields: Field[] | null; why: string }> {
  try {
    const { fields } = await client.call("channels.describe", { channel });
    return { fields, why: "" };
  } catch (error) {
    if (!(error instanceof VerbError)) throw error;
    return { fields: null, why: withHint(error.message, error.hint) };
  }
}
