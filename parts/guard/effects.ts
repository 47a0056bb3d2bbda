/** What the verbs of the guard do: `guard.*`. Each change is one audit record, in its transaction. */

import { labelText, type Secret, type Sink, type Source, type Waiver } from "../../packages/flow-guard/judge.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import { chatLabel } from "./guard.ts";
import type { GuardLabels, Known } from "./labels.ts";

export interface GuardEffectParts {
  store: Store;
  clock: Clock;
  labels: GuardLabels;
}

type GuardVerb = "show" | "clear" | "private" | "waive" | "unwaive" | "waivers" | "off" | "on";

/** Hosts are compared in lower case; what names people and chats is taken as it is. */
const HOST_KINDS = ["host", "read", "write"];

export function guardEffects({ store, clock, labels }: GuardEffectParts): Pick<Effects, `guard.${GuardVerb}`> {
  const about = ({ folder }: AgentGroup) => `agent group:${folder}`;
  const shown = ({ id, folder }: AgentGroup) => {
    const { off, labels: now } = labels.standing(id);
    const lines = (known: Known[]) =>
      known.map(({ label, since, session }) => ({ what: labelText(label), since, session: session ?? "" }));
    return {
      ...{ group: folder, guard: off ? ("off" as const) : ("on" as const) },
      state: stateOf(off, now.untrusted.length > 0, now.private.length > 0),
      untrusted: lines(labels.known(id, "untrusted")),
      private: lines(labels.known(id, "private")),
    };
  };
  const switched = (group: AgentGroup, off: boolean) => {
    labels.setOff(group.id, off);
    return { group: group.folder, guard: off ? ("off" as const) : ("on" as const), note: off ? OFF : "" };
  };
  return {
    "guard.show": ({ what }) => shown(what === undefined ? onlyGroup(store) : groupOrSession(store, what)),

    "guard.clear": ({ group: folder, private: alsoPrivate }, { record }) => {
      const group = agentGroupAt(store, folder);
      const count = labels.known(group.id, "untrusted").length;
      record(
        about(group),
        () => {
          labels.clear(group.id, "untrusted");
          if (alsoPrivate) labels.clear(group.id, "private");
        },
        { untrusted: count, private: alsoPrivate },
      );
      return shown(group);
    },

    "guard.private": ({ what, undo }, { record }) => {
      const group = store.groups.agentGroupByFolder(what);
      if (group) {
        const label: Secret = { kind: "group", name: group.folder };
        record(
          about(group),
          () => {
            if (undo) labels.remove(group.id, "private", label);
            else labels.add(group.id, "private", label, null, clock.now());
          },
          { private: !undo },
        );
        return { done: true };
      }
      const [, channel = "", chat = ""] = /^([a-z0-9_-]+):(.+)$/s.exec(what) ?? [];
      const room = store.groups.messagingGroup(channel, chat);
      if (!room) {
        throw new Misuse(
          `there is neither an agent group nor a chat "${what}"`,
          "Name a group as `ncl groups list` does, or a chat as `ncl sessions list` does.",
        );
      }
      record(
        `${channel}:${chat}`,
        () => {
          labels.markChat(room, !undo);
          // Whoever listens there has heard what was said.
          for (const { agentGroup } of store.groups.wirings(room.id)) {
            if (undo) labels.remove(agentGroup, "private", chatLabel(room));
            else labels.add(agentGroup, "private", chatLabel(room), null, clock.now());
          }
        },
        { private: !undo },
      );
      return { done: true };
    },

    "guard.waive": ({ group: folder, source, sink }, { record }) => {
      const group = agentGroupAt(store, folder);
      const waiver = waiverOf(source, sink);
      const pair = { source: labelText(waiver.source), sink: labelText(waiver.sink) };
      const since = clock.now();
      record(about(group), () => labels.waive(group.id, waiver, since), pair);
      return { group: folder, ...pair, since };
    },

    "guard.unwaive": ({ group: folder, source, sink }, { record }) => {
      const group = agentGroupAt(store, folder);
      const removed = record(about(group), () => labels.unwaive(group.id, waiverOf(source, sink)), { source, sink });
      if (!removed) throw new Misuse("there is no such waiver", "`ncl guard waivers` lists them.");
      return { done: true };
    },

    "guard.waivers": () =>
      store.groups.agentGroups().flatMap(({ id, folder: group }) =>
        labels.waivers(id).map(({ source, sink, since }) => ({
          ...{ group, source: labelText(source), sink: labelText(sink), since },
        })),
      ),

    "guard.off": ({ group: folder }, { record }) => {
      const group = agentGroupAt(store, folder);
      return record(about(group), () => switched(group, true));
    },

    "guard.on": ({ group: folder }, { record }) => {
      const group = agentGroupAt(store, folder);
      return record(about(group), () => switched(group, false));
    },
  };
}

const OFF =
  "From now on nothing asks: a page, mail or file with bad intentions can make this agent send away whatever it can see. `ncl guard on` takes that back.";

function stateOf(off: boolean, untrusted: boolean, inSight: boolean): string {
  if (off) return "Nothing asks: the guard is off. `ncl guard on` switches it on.";
  if (untrusted && inSight) return "What goes outwards asks first.";
  if (untrusted) return "It has read what others wrote. Once it sees something private, what goes outwards asks first.";
  return "It has read nothing that others wrote. What it does needs no question.";
}

function onlyGroup(store: Store): AgentGroup {
  const [first, second] = store.groups.agentGroups();
  if (!first) throw new Misuse("there is no agent group yet", "`ncl groups init` makes one.");
  if (second) throw new Misuse("there are several agent groups", "Name one: `ncl guard show GROUP`.");
  return first;
}

function groupOrSession(store: Store, what: string): AgentGroup {
  const session = store.sessions.session(what as SessionId);
  const group = session ? store.groups.agentGroup(session.agentGroup) : store.groups.agentGroupByFolder(what);
  if (group) return group;
  throw new Misuse(
    `there is neither an agent group nor a session "${what}"`,
    "`ncl groups list` and `ncl sessions list` show them.",
  );
}

/** The schema of the verbs has let only known kinds through. */
function waiverOf(source: string, sink: string): Waiver {
  return { source: labelOf<Source>(source), sink: labelOf<Sink>(sink) };
}

function labelOf<Label extends Source | Sink>(text: string): Label {
  const colon = text.indexOf(":");
  const kind = text.slice(0, colon);
  const name = text.slice(colon + 1);
  return { kind, name: HOST_KINDS.includes(kind) ? name.toLowerCase() : name } as Label;
}
