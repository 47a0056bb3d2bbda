/** What the verbs about chats and who may speak in them do: `messaging-groups.*`, `senders.*`. */
import type { ChannelRegistry } from "../../src/channels/registry.ts";
import type { Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import { allRooms, chatNamed, roomAt } from "./chat-names.ts";
import type { Newcomers } from "./newcomers.ts";
import type { Senders } from "./senders.ts";

export interface RoomEffectParts {
  store: Store;
  random: Random;
  /** The channels that there are. */
  registry: Pick<ChannelRegistry, "health">;
  senders: Senders;
  newcomers: Newcomers;
}

type RoomVerbs = `messaging-groups.${"list" | "show" | "forget" | "unknown"}` | `senders.${"policy" | "forget"}`;

export function roomEffects({ store, registry, senders, newcomers }: RoomEffectParts): Pick<Effects, RoomVerbs> {
  const members = (room: MessagingGroup) =>
    store.db
      .all<{ user: string }>("SELECT user_id AS user FROM members WHERE messaging_group_id=? ORDER BY since", room.id)
      .map(({ user }) => user);
  const agents = (room: MessagingGroup) =>
    store.groups.wirings(room.id).flatMap(({ agentGroup }) => store.groups.agentGroup(agentGroup)?.folder ?? []);
  const nameOf = ({ channel, chat }: MessagingGroup) => `${channel}:${chat}`;
  const shown = (room: MessagingGroup) => ({
    ...{ chat: nameOf(room), policy: room.unknownSenderPolicy, direct: room.directUser ?? "" },
    ...{ agents: agents(room), members: members(room) },
  });
  return {
    "messaging-groups.list": () =>
      allRooms(store).map((room) => ({
        ...{ chat: nameOf(room), policy: room.unknownSenderPolicy, agents: agents(room) },
        members: members(room).length,
      })),

    "messaging-groups.show": ({ chat }) => shown(roomAt(store, chat)),

    "messaging-groups.forget": ({ chat }, { record }) => {
      const { channel, chat: name } = chatNamed(chat);
      return record(`${channel}:${name}`, () => {
        if (newcomers.forgive(channel, name)) return { done: true as const };
        throw new Misuse(`the chat "${chat}" was not refused`, "`ncl approvals list --state denied` shows what was.");
      });
    },

    "messaging-groups.unknown": ({ channel, asks }, { record }) => {
      if (!registry.health().some(({ id }) => id === channel))
        throw new Misuse(`the channel "${channel}" is not there`, "`ncl channels list` shows those that are.");
      return record(
        `channel:${channel}`,
        () => {
          newcomers.setAsksIn(channel, asks === "ask");
          return { channel, asks };
        },
        { asks },
      );
    },

    "senders.policy": ({ chat, policy }, { record }) => {
      const room = roomAt(store, chat);
      return record(
        nameOf(room),
        () => {
          store.db.run("UPDATE messaging_groups SET unknown_sender_policy=? WHERE id=?", policy, room.id);
          return shown({ ...room, unknownSenderPolicy: policy });
        },
        { policy },
      );
    },

    "senders.forget": ({ chat, user }, { record }) => {
      const room = roomAt(store, chat);
      return record(
        nameOf(room),
        () => {
          if (senders.forget(room.id, user)) return { done: true as const };
          throw new Misuse(
            `${user} is neither a member of ${chat} nor refused there`,
            "`ncl messaging-groups show` tells who is a member.",
          );
        },
        { user },
      );
    },
  };
}
