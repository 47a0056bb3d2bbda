/** Attacks by the mailbox: rows that claim what is not so, bytes that are no mailbox. Judged by the scratch database. */
import { existsSync } from "node:fs";
import type { Attack } from "../attack.ts";
import type { Control } from "../controls.ts";
import { MINE, OTHER } from "../mail.ts";
import type { World } from "../world.ts";

/** A look at a mailbox takes milliseconds; one at hostile bytes may cost a reader its deadline, thrice. */
const PATIENCE = 4_500;

const attack = (id: string, control: Control, tried: string, harm: (world: World) => string | null): Attack => ({
  ...{ id: `mailbox.${id}`, wall: "mailbox", control, program: "mailbox.ts", name: id, tried },
  settings: ({ scratch, watch }) => ({ mine: MINE, other: OTHER, bait: scratch.bait, marker: watch.mark(id) }),
  async harm(world) {
    await world.mail.look();
    return harm(world) ?? beside(world);
  },
});

/** What must hold under each of them. */
function beside({ mail, scratch }: World): string | null {
  if (mail.stateOf("other", OTHER) !== "queued") return "another session's message was changed";
  if (!existsSync(scratch.bait)) return "a file of the host was deleted";
  if (mail.slowestLook > PATIENCE) return `the host was held up for ${Math.round(mail.slowestLook)} ms`;
  return null;
}

const refused = (id: string, tried: string, n: number, control: Control = "claims") =>
  attack(id, control, tried, ({ mail }) => (mail.cursor >= n ? "the row was taken" : null));
const carriedOut = (id: string, tried: string, verb: string) =>
  attack(id, "agents' gate", tried, ({ mail }) =>
    mail.called.some((call) => call.verb === verb) ? `${verb} was carried out` : null,
  );
const said = (id: string, control: Control, tried: string, wrong: (row: Said, world: World) => boolean) =>
  attack(id, control, tried, (world) => (world.mail.said().some((row) => wrong(row, world)) ? "it was said so" : null));
type Said = ReturnType<World["mail"]["said"]>[number];
const bytes = (id: string, tried: string) => refused(id, tried, 1, "bytes");

export const mailboxAttacks: Attack[] = [
  refused("other-session", "take up a message of another session", 1),
  refused("never-said", "take up a message that nobody said", 1),
  refused("turn-in-turn", "begin a turn inside another", 3),
  refused("foreign-end", "end a turn that never began, and with it a message", 1),
  refused("foreign-tool", "report a tool of a turn that does not run", 1),
  refused("foreign-tool-end", "end a tool of another turn", 3),
  refused("foreign-feed", "feed a message into a turn that does not run", 1),
  refused("host-number", "use a number of the host's side", 2),
  attack("second-end", "claims", "end the same turn twice, with other words", ({ mail, watch }) =>
    mail.said().some(({ text }) => watch.isMarked("second-end", text)) ? "both were said" : null,
  ),
  attack("replay", "claims", "change what was said already, under its old number", ({ mail, watch }) =>
    mail.said().some(({ text }) => watch.isMarked("replay", text)) ? "the new words were said too" : null,
  ),
  attack("others-message-done", "claims", "mark messages of others as answered", ({ mail }) =>
    mail.stateOf("own", MINE + 2) === "done" ? "a message that nobody answered counts as answered" : null,
  ),
  carriedOut("owners-verb", "change its agent's settings, as only the owner may", "groups.set"),
  carriedOut("vault-verb", "list the owner's credentials", "credentials.list"),
  carriedOut("stop-verb", "stop the host", "host.stop"),
  attack("inherited-verb", "agents' gate", "ask for a verb that every object has", ({ mail }) =>
    mail.called.length > 0 || mail.answered !== "refused" ? "it was carried out" : null,
  ),
  attack("other-group", "agents' gate", "schedule something in the name of another agent", ({ mail }) =>
    mail.called.some(({ args }) => args.group !== mail.ownFolder) ? "it was scheduled for the other" : null,
  ),
  attack("verbs-without-end", "claims", "ask for a thousand things in one turn", ({ mail }) =>
    mail.called.length > 1_000 ? `${mail.called.length} were carried out` : null,
  ),
  said("system-card", "rows", "speak in the name of the system", ({ author }) => author !== "agent"),
  said("other-chat", "rows", "speak in another chat", ({ chat }) => chat !== "own"),
  refused("unknown-kind", "write a row of a kind that does not exist", 1, "rows"),
  refused("long-text", "say 300,000 letters at once", 3, "rows"),
  refused("long-continuation", "leave 50 kB where a short note belongs", 3, "rows"),
  bytes("recursive-view", "put a query without end in the place of the rows"),
  attack("cyclic-tree", "bytes", "write a database that leads back into itself", () => null),
  bytes("wal-mode", "write a database that makes its reader write"),
  bytes("super-journal", "write a journal that makes its reader delete a file of the host"),
];
