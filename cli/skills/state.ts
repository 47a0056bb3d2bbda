/** How the channel of a skill is, as the host says. */
import { setTimeout as sleep } from "node:timers/promises";
import type { VerbResult } from "../../api/verbs.ts";
import type { ControlClient } from "../client.ts";

export type ChannelState = VerbResult<"channels.list">[number];

/** Milliseconds that a channel gets to come up, and between two looks. */
export const UP_WITHIN = 30_000;
export const LOOK_EVERY = 200;

/** @returns undefined where it was not added. @throws HostDown */
export async function stateOf(client: ControlClient, channel: string): Promise<ChannelState | undefined> {
  return (await client.call("channels.list", {})).find(({ id }) => id === channel);
}

/** The same, once it no longer starts, or takes too long for that. */
export async function settledState(client: ControlClient, channel: string): Promise<ChannelState | undefined> {
  const began = performance.now();
  for (;;) {
    const state = await stateOf(client, channel);
    if (state?.state !== "starting" || performance.now() - began > UP_WITHIN) return state;
    await sleep(LOOK_EVERY);
  }
}
