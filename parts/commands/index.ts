/**
 * What people write to the host itself, in any channel: `/stop`, `/new` and their like. Each is a verb that is carried out
 * in the name of whoever wrote it, so the one gate decides; here is only how it is called and how its result is said.
 */
import { type Verb, type VerbName, type VerbResult, verbs } from "../../api/verbs.ts";
import { type Actor, authorize } from "../../src/access/authorize.ts";
import type { Executor } from "../../src/control/execute.ts";
import type { Command, Commands } from "../../src/inbound/commands.ts";
import type { Target } from "../../src/inbound/route.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { InboundEvent } from "../../src/store/inbox.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { costs, list, status } from "./words.ts";

type Person = Actor & { kind: "user" };

/** `/stop` and `/stop@bot`, alone or with words behind it on the same line. */
const WRITTEN = /^\/([a-z]{1,20})(?:@\w{1,64})?(?:[ \t]+(\S[^\n]*))?$/i;

/** Carries out a verb in the name of a person. @throws NotDone with the reason where it came to nothing */
type Do = <Name extends VerbName>(name: Name, args: Record<string, unknown>) => VerbResult<Name>;

interface Place {
  now: number;
  rest: string;
  group: AgentGroup;
  /** The conversation of this agent that hears the chat; null where nobody spoke in it yet. */
  session: Session | null;
  /** Those that speak in the chat, scheduled tasks among them. */
  speaking: Session[];
}

interface Entry {
  verb: VerbName;
  says: string;
  run(carryOut: Do, place: Place): string;
}

class NotDone extends Error {}

const NOTHING_SAID = "Nobody has said anything here yet.";

/** In the order in which `/help` lists them. `/approve` is answered where questions are. */
const commands: Record<string, Entry> = {
  new: {
    verb: "sessions.reset",
    says: "begins a new conversation; what was said is kept, but I no longer have it in mind",
    run(carryOut, { session }) {
      if (!session) return NOTHING_SAID;
      carryOut("sessions.reset", { session: session.id });
      return "A new conversation begins here. I no longer have in mind what was said before.";
    },
  },
  stop: {
    verb: "sessions.stop",
    says: "stops what I am doing, and what waits",
    run(carryOut, { speaking }) {
      const stopped = speaking.filter(({ id }) => carryOut("sessions.stop", { session: id }).stopped);
      // What was stopped says so itself, with what it had.
      return stopped.length > 0 ? "" : "There is nothing to stop.";
    },
  },
  status: {
    verb: "sessions.show",
    says: "shows what I am doing",
    run: (carryOut, { session, now }) =>
      session ? status(carryOut("sessions.show", { session: session.id }), now) : NOTHING_SAID,
  },
  model: {
    verb: "groups.set",
    says: "shows my model; /model NAME changes it, /model default takes it back",
    run(carryOut, { group, rest }) {
      if (rest === "") return `My model is ${group.model ?? "the default of my provider"}.`;
      const { model } = carryOut("groups.set", { folder: group.folder, model: rest });
      return `My model is now ${model ?? "the default of my provider"}, from the next time that I wake up.`;
    },
  },
  cost: {
    verb: "usage.show",
    says: "shows what I cost in the last seven days",
    run: (carryOut, { group }) => costs(carryOut("usage.show", { group: group.folder, by: "day", since: "7d" })),
  },
  tasks: {
    verb: "tasks.list",
    says: "lists my scheduled tasks",
    run: (carryOut, { group }) => list(carryOut("tasks.list", { group: group.folder, limit: 20 })),
  },
};

export interface CommandParts {
  store: Store;
  /** Asked for when a command comes. */
  executor(): Pick<Executor, "carryOut">;
}

export function chatCommands({ store, executor }: CommandParts): Commands {
  const placeOf = (event: InboundEvent, { agentGroup, conversation, thread }: Target, rest: string): Place[] => {
    const group = store.groups.agentGroup(agentGroup);
    if (!group) return [];
    const session = store.sessions.byConversation(agentGroup, conversation) ?? null;
    const speaking = store.sessions.speakingIn(agentGroup, conversation, { ...event, thread });
    return [{ now: event.receivedAt, rest, group, session, speaking }];
  };
  const doing =
    (by: Person): Do =>
    (name, args) => {
      const outcome = executor().carryOut(by, name, args);
      if (!outcome.ok) throw new NotDone(outcome.why);
      return outcome.result as VerbResult<typeof name>;
    };
  const said = (entry: Entry, by: Person, place: Place): string => {
    try {
      return entry.run(doing(by), place);
    } catch (error) {
      if (error instanceof NotDone) return `That was not done: ${error.message}.`;
      throw error;
    }
  };
  return {
    read(text) {
      const [, name = "", rest = ""] = WRITTEN.exec(text.trim()) ?? [];
      const known = name.toLowerCase();
      if (known === "help" && rest !== "") return null;
      return known in commands || known === "approve" || known === "help" ? { name: known, rest: rest.trim() } : null;
    },
    run({ name, rest }: Command, by, event, targets) {
      const places = targets.flatMap((target) => placeOf(event, target, rest));
      if (name === "help") return help(by, places);
      const entry = commands[name];
      // Who may not answer questions here has been told so before.
      if (!entry) return "";
      const lines = places.map((place) => ({ who: place.group.name, text: said(entry, by, place) }));
      const [first] = lines;
      if (lines.length === 1) return first?.text ?? "";
      const worth = lines.filter(({ text }) => text !== "");
      // What one of them has stopped is no news of the others.
      if (name === "stop" && worth.length < lines.length) return "";
      return worth.map(({ who, text }) => `${who}: ${text}`).join("\n");
    },
  };
}

/** Only what they may do here. */
function help(by: Person, places: Place[]): string {
  const may = (name: VerbName) => {
    const verb: Verb = verbs[name];
    return places.some(({ group }) => authorize(by, name, verb, { of: "group", id: group.id }).allow);
  };
  const lines = Object.entries(commands).flatMap(([name, { verb, says }]) => (may(verb) ? [`/${name} ${says}`] : []));
  const questions = by.grants.some(({ role }) => role === "owner") ? ["/approve 7 2 answers question 7"] : [];
  return ["Write, alone in a message:", ...lines, ...questions, "/help shows this"].join("\n");
}
