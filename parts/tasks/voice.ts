/** How a scheduled task speaks: into the conversation of its chat, or into one of its own whose answers go to that chat. */

import { targetOf } from "../../src/inbound/route.ts";
import type { Place, Router } from "../../src/inbound/router.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Store } from "../../src/store/store.ts";
import type { Task } from "./tasks.ts";

/** @returns a function that throws Misuse where the agent is not in that chat (any more) */
export function taskVoice(store: Store, router: Router): (task: Task, text: string, key: string) => Place | null {
  return ({ id, name, script, agentGroup, address, session }, text, key) => {
    const room = store.groups.messagingGroup(address.channel, address.chat);
    const wiring = room && store.groups.wirings(room.id).find((one) => one.agentGroup === agentGroup);
    if (!wiring) throw new Misuse(`the agent is not in the chat ${address.channel}:${address.chat}`);
    const target = targetOf(address, wiring);
    // Not in the system's name: an agent may have written the prompt itself.
    const speaker = { author: "person", userId: `task:${id}`, userName: `Scheduled task "${name}"`, script } as const;
    return router.tell(address, session === "own" ? { ...target, conversation: key } : target, text, key, speaker);
  };
}
