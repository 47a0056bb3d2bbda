/**
 * A terminal chat as one unbroken stream, and saying something in it. Invariant: over any number of restarts of the
 * host each message is seen once (the number in the log is the cursor) and said once (each carries its key).
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChatEvent } from "../../api/results.ts";
import { type ControlClient, HostDown, VerbError } from "../client.ts";

/** `lost` says that the host is gone and is being looked for. */
export type FollowEvent = Exclude<ChatEvent, { type: "error" }> | { type: "lost" };

/** Waits before another try: 0.1 s at first, 2 s in the end. @throws the signal's reason */
async function pause(tries: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.min(100 * 2 ** tries, 2000), undefined, { signal }).catch(() => signal.throwIfAborted());
}

const isAway = (error: unknown) =>
  error instanceof HostDown || (error instanceof VerbError && error.code === "unavailable");

/** @param from a number in the log to start after, or how many of the last messages to start with (at least 1) */
export async function* followChat(
  client: ControlClient,
  chat: string,
  from: { after: number } | { tail: number },
  signal: AbortSignal,
): AsyncGenerator<FollowEvent> {
  let cursor = "after" in from ? from.after : null;
  for (let tries = 0; ; tries++) {
    try {
      const start = cursor === null ? from : { after: cursor };
      for await (const event of client.stream("chat.follow", { chat, ...start }, { signal })) {
        tries = 0;
        // The client throws these.
        if (event.type === "error") continue;
        if (event.type === "message") {
          if (cursor !== null && event.n <= cursor) continue;
          cursor = event.n;
        }
        // A tail that held nothing: the log is empty.
        if (event.type === "idle") cursor ??= 0;
        yield event;
      }
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    yield { type: "lost" };
    await pause(tries, signal);
  }
}

/**
 * Says something once, however often the host goes away meanwhile.
 * @param patient wait for a host that is not running; without it that throws HostDown
 * @returns the number of the message in the log
 */
export async function say(
  client: ControlClient,
  message: { chat: string; text: string },
  patient: boolean,
  signal: AbortSignal,
): Promise<number> {
  const key = randomUUID();
  for (let tries = 0; ; tries++) {
    try {
      return (await client.call("chat.send", { ...message, key }, { signal })).n;
    } catch (error) {
      const mayRepeat = patient || tries > 0 || (error instanceof HostDown && error.cutOff);
      if (!isAway(error) || !mayRepeat) throw error;
    }
    await pause(tries, signal);
  }
}
