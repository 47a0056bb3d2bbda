/** Adds a skill and takes it away again. Every step looks first whether it is done, so both may be repeated at any time. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { VerbResult } from "../../api/verbs.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import { type ControlClient, VerbError } from "../client.ts";
import { moment } from "../show.ts";
import { type Skill, skillNamed } from "./catalog.ts";
import { gather, type Sources, withoutCredentials } from "./credentials.ts";
import { installPackages, removePackages } from "./packages.ts";
import { type ChannelState, LOOK_EVERY, stateOf, UP_WITHIN } from "./state.ts";

/** Milliseconds that a channel may be down while it comes up: it may try again by itself. */
const DOWN_FOR = 3_000;

type Pairing = VerbResult<"channels.pair">;

/** What adding needs of whoever asked for it. */
export interface Adding extends Sources {
  root: string;
  client: ControlClient;
  /** What is being done now. */
  activity(text: string): void;
  /** What a command says on its way. */
  passing(line: string): void;
}

export type Added =
  | { skill: string; kind: "instructions"; read: string }
  /** `pairing` is null where no code could be made; `note` says why. */
  | { skill: string; kind: "channel"; title: string; channel: ChannelState; pairing: Pairing | null; note: string };

/** @throws Misuse, HostDown */
export async function addSkill(adding: Adding, name: string): Promise<Added> {
  const { root, client, env, activity, passing } = adding;
  const skill = skillNamed(root, name);
  const before = skill.kind === "channel" ? await stateOf(client, skill.name) : undefined;
  if (skill.packages) {
    activity(`installing the packages of ${skill.name}`);
    await installPackages(root, skill.folder, { env: withoutCredentials(env, skill.name), onLine: passing });
  }
  if (skill.kind === "instructions")
    return { skill: skill.name, kind: "instructions", read: join(root, skill.folder, "SKILL.md") };

  const needs = await client.call("channels.describe", { channel: skill.name });
  const given = await gather(needs, adding, before?.state === "down");
  activity(`starting ${needs.title}`);
  if (before?.state !== "up" || Object.keys(given).length > 0)
    await client.call("channels.add", { channel: skill.name, credentials: JSON.stringify(given) });
  const channel = await comesUp(client, skill, needs.title);
  return { skill: skill.name, kind: "channel", title: needs.title, channel, ...(await pairingFor(client, skill)) };
}

/** @throws Misuse, HostDown */
export async function removeSkill({ root, client }: Pick<Adding, "root" | "client">, name: string): Promise<Skill> {
  const skill = skillNamed(root, name);
  if (skill.kind === "channel" && (await stateOf(client, skill.name)))
    await client.call("channels.remove", { channel: skill.name });
  removePackages(root, skill.folder);
  return skill;
}

async function comesUp(client: ControlClient, { name }: Skill, title: string): Promise<ChannelState> {
  const began = performance.now();
  let wasFine = began;
  for (;;) {
    const now = performance.now();
    const channel = await stateOf(client, name);
    if (channel?.state === "up") return channel;
    if (channel?.state === "starting") wasFine = now;
    if (now - began > UP_WITHIN || now - wasFine > DOWN_FOR) {
      throw new Misuse(
        `${title} was added, but is ${channel?.state ?? "gone"}: ${channel?.detail || "it does not say why"}`,
        `Put it right, then run \`ncl skills add ${name}\` again, or \`ncl skills remove ${name}\`.`,
      );
    }
    await sleep(LOOK_EVERY);
  }
}

async function pairingFor(client: ControlClient, { name }: Skill): Promise<{ pairing: Pairing | null; note: string }> {
  try {
    return { pairing: await client.call("channels.pair", { channel: name }), note: "" };
  } catch (error) {
    if (!(error instanceof VerbError)) throw error;
    return { pairing: null, note: messageOf(error) };
  }
}

/** What to do next, for people. */
export function nextStep(added: Added): string {
  if (added.kind === "instructions") return `Nothing to start. Follow it, or let a coding agent do so: ${added.read}\n`;
  const { skill, title, channel, pairing, note } = added;
  const again = `ncl channels pair ${skill}`;
  const up = `${title} is up${channel.detail && `: ${channel.detail}`}.\n`;
  if (!pairing) return `${up}No chat could be paired: ${note}. Later: ${again}\n`;
  return `${up}
Now tie a chat to your agent "${pairing.group}". In ${title}, send it this code in a direct chat:

    ${pairing.code}

It works once, until ${moment(pairing.expiresAt)}, and makes whoever sends it an owner: don't share it.
Another one: ${again}
`;
}
