/** What the verbs about unknown senders do: `senders.*`. */
import type { Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import type { Doorman } from "./doorman.ts";

export function strangerEffects(
  store: Store,
  doorman: Doorman,
): Pick<Effects, `senders.${"list" | "policy" | "forget"}`> {
  const roomAt = (chat: string): MessagingGroup => {
    const [, channel = "", name = ""] = /^([^:]+):(.+)$/s.exec(chat) ?? [];
    const room = store.groups.messagingGroup(channel, name);
    if (!room) throw new Misuse(`no agent is in the chat "${chat}"`, "`ncl senders list` shows the chats.");
    return room;
  };
  const shown = ({ channel, chat, unknownSenderPolicy, id }: MessagingGroup) => ({
    chat: `${channel}:${chat}`,
    policy: unknownSenderPolicy,
    members: store.db
      .all<{ user: string }>("SELECT user_id AS user FROM members WHERE messaging_group_id=? ORDER BY since", id)
      .map(({ user }) => user),
  });
  return {
    "senders.list": () =>
      store.db
        .all<{ channel: string; chat: string }>("SELECT channel, chat FROM messaging_groups ORDER BY channel, chat")
        .flatMap(({ channel, chat }) => store.groups.messagingGroup(channel, chat) ?? [])
        .map(shown),
    "senders.policy": ({ chat, policy }, { record }) => {
      const room = roomAt(chat);
      return record(
        `${room.channel}:${room.chat}`,
        () => {
          store.groups.setSenderPolicy(room.id, policy);
          return shown({ ...room, unknownSenderPolicy: policy });
        },
        { policy },
      );
    },
    "senders.forget": ({ chat, user }, { record }) => {
      const room = roomAt(chat);
      return record(
        `${room.channel}:${room.chat}`,
        () => {
          if (doorman.forgetSender(room.id, user)) return { done: true as const };
          throw new Misuse(
            `${user} is neither a member of ${chat} nor refused there`,
            "`ncl senders list` shows members.",
          );
        },
        { user },
      );
    },
  };
}
