/** What the verbs about wirings do: which agent listens in which chat, and to what (`wirings.*`). */
import { patternProblem } from "../../packages/safe-pattern/safe-pattern.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import { TERMINAL_USER } from "../../src/channels/terminal.ts";
import type { Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { newMessagingGroupId } from "../../src/lib/ids.ts";
import type { AgentGroup, MessagingGroup, Wiring } from "../../src/store/groups.ts";
import { allRooms, type ChatName, chatNamed, roomAt } from "./chat-names.ts";
import type { RoomEffectParts } from "./effects.ts";

type Axes = Pick<Wiring, "engageMode" | "pattern" | "senders" | "ignored" | "sessionMode" | "priority">;

const USUAL: Axes = {
  ...{ engageMode: "mention", pattern: null, senders: "all", ignored: "drop", sessionMode: "shared", priority: 0 },
};

/** What can be said about each axis; what is left out stays as it is. */
interface Wanted {
  engage?: Wiring["engageMode"] | undefined;
  pattern?: string | undefined;
  senders?: Wiring["senders"] | undefined;
  ignored?: Wiring["ignored"] | undefined;
  sessionMode?: Wiring["sessionMode"] | undefined;
  priority?: number | undefined;
}

type WiringVerbs = `wirings.${"list" | "add" | "set" | "remove"}`;

export function wiringEffects(parts: RoomEffectParts): Pick<Effects, WiringVerbs> {
  const { store, newcomers } = parts;
  const { groups } = store;
  const shown = (group: AgentGroup, { channel, chat }: ChatName, wiring: Axes) => ({
    ...{ group: group.folder, chat: `${channel}:${chat}`, engage: wiring.engageMode, pattern: wiring.pattern ?? "" },
    ...{ senders: wiring.senders, ignored: wiring.ignored, sessionMode: wiring.sessionMode, priority: wiring.priority },
  });
  const wiringOf = (room: MessagingGroup | undefined, group: AgentGroup) =>
    room && groups.wirings(room.id).find(({ agentGroup }) => agentGroup === group.id);
  const known = (folder: string, chat: string) => {
    const group = agentGroupAt(store, folder);
    const room = roomAt(store, chat);
    const wiring = wiringOf(room, group);
    if (!wiring)
      throw new Misuse(`the agent "${folder}" is not in the chat "${chat}"`, "`ncl wirings list` shows who is where.");
    return { group, room, wiring };
  };
  return {
    "wirings.list": ({ group: folder, chat }) => {
      const wanted = folder === undefined ? null : agentGroupAt(store, folder);
      const rooms = chat === undefined ? allRooms(store) : [roomAt(store, chat)];
      return rooms.flatMap((room) =>
        groups.wirings(room.id).flatMap((wiring) => {
          const group = groups.agentGroup(wiring.agentGroup);
          return group && (!wanted || wanted.id === group.id) ? [shown(group, room, wiring)] : [];
        }),
      );
    },

    "wirings.add": ({ group: folder, chat, ...wanted }, { record }) => {
      const group = agentGroupAt(store, folder);
      const name = chatNamed(chat);
      const room = groups.messagingGroup(name.channel, name.chat);
      if (wiringOf(room, group))
        throw new Misuse(`the agent "${folder}" is in the chat "${chat}" already`, "`ncl wirings set` changes it.");
      if (!room && !parts.registry.health().some(({ id }) => id === name.channel))
        throw new Misuse(`the channel "${name.channel}" is not there`, "`ncl channels list` shows those that are.");
      const axes = changed(USUAL, wanted);
      return record(
        chat,
        () => {
          groups.wire(room?.id ?? makeRoom(parts, name), { agentGroup: group.id, ...axes });
          newcomers.decided(name.channel, name.chat);
          return shown(group, name, axes);
        },
        { group: folder, ...axes },
      );
    },

    "wirings.set": ({ group: folder, chat, ...wanted }, { record }) => {
      const { group, room, wiring } = known(folder, chat);
      const axes = changed(wiring, wanted);
      return record(
        chat,
        () => {
          groups.wire(room.id, { agentGroup: group.id, ...axes });
          return shown(group, room, axes);
        },
        { group: folder, ...axes },
      );
    },

    "wirings.remove": ({ group: folder, chat }, { record }) => {
      const { group, room } = known(folder, chat);
      return record(
        chat,
        () => {
          for (const table of ["engagements", "messaging_group_agents"])
            store.db.run(`DELETE FROM ${table} WHERE messaging_group_id=? AND agent_group_id=?`, room.id, group.id);
          return { done: true as const };
        },
        { group: folder },
      );
    },
  };
}

/** @throws Misuse where what is wanted does not go together */
function changed({ engageMode, pattern, senders, ignored, sessionMode, priority }: Axes, wanted: Wanted): Axes {
  const engage = wanted.engage ?? (wanted.pattern === undefined ? engageMode : "pattern");
  const words = engage === "pattern" ? (wanted.pattern ?? pattern) : null;
  if (engage !== "pattern" && wanted.pattern !== undefined)
    throw new Misuse(`a pattern does not go with --engage ${engage}`, "Use --engage pattern, or leave --pattern out.");
  if (engage === "pattern") {
    const problem = words === null ? "there is none" : patternProblem(words);
    if (problem)
      throw new Misuse(
        `the pattern can't be used: ${problem}`,
        "Use --pattern with a regular expression as RE2 has them, such as (?i)\\bnano\\b; --engage always hears everything.",
      );
  }
  return {
    ...{ engageMode: engage, pattern: words, senders: wanted.senders ?? senders, ignored: wanted.ignored ?? ignored },
    ...{ sessionMode: wanted.sessionMode ?? sessionMode, priority: wanted.priority ?? priority },
  };
}

/** A chat that the owner named before anybody spoke there: whoever is not known there is asked about. */
function makeRoom({ store, random }: RoomEffectParts, { channel, chat }: ChatName): MessagingGroup["id"] {
  const id = newMessagingGroupId(random);
  const isTerminal = channel === "terminal";
  const unknownSenderPolicy = isTerminal ? "strict" : "request_approval";
  store.groups.addMessagingGroup({
    ...{ id, channel, chat, unknownSenderPolicy, directUser: isTerminal ? TERMINAL_USER : null },
  });
  return id;
}
