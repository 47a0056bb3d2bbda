/** What is promised about what agents say, as people see it at the end: whole, changed only on purpose, and no draft left. */
import type { Machine } from "./world/machine.ts";
import { isDraft, MARK, type Shown } from "./world/platform.ts";

interface Row {
  id: number;
  number: number | null;
  kind: string;
  over: number | null;
  text: string;
  key: string;
  state: string;
  part: number;
  platformId: string | null;
  channel: string;
}

/** @param shownIn what people see on a channel, by the id of the message */
export function checkOutgoing(machine: Machine, shownIn: (channel: string) => Map<string, Shown>): void {
  const rows = machine.look<Row>(
    `SELECT id, number, kind, over, text, key, state, part, platform_id AS platformId, channel
     FROM outbox WHERE author = 'agent' ORDER BY position`,
  );
  for (const row of rows) {
    if (row.kind === "edit") checkEdit(machine, row, rows);
    if (row.kind !== "message" || row.part > 0 || row.number === null) continue;
    checkWhole(machine, row, rows);
  }
  for (const row of rows) {
    if (row.kind !== "message" || row.state !== "sent" || row.platformId === null) continue;
    const shown = shownIn(row.channel).get(row.platformId);
    if (!shown) continue;
    checkText(machine, row, rows, shown);
    checkShownFiles(machine, row, rows, shown);
  }
  for (const { id, shown: all } of machine.platforms) for (const one of all) checkDraft(machine, id, one);
}

/** The session is cleared away at times; the key says which it was. */
const sessionOf = ({ key }: Row) => key.split(":")[0] ?? "";
const nameOf = (row: Row) => `${sessionOf(row)}:${row.number}`;

/** An edit is what the agent asked for, of its own message. */
function checkEdit({ words, world }: Machine, row: Row, rows: Row[]): void {
  const asked = words.asked.get(row.key);
  const target = rows.find(({ id }) => id === row.over);
  const same = target && sessionOf(target) === sessionOf(row) && target.number === asked?.args.message;
  if (asked?.verb !== "messages.edit" || asked.args.text !== row.text || !same) {
    world.broken("a message is edited only by what its agent wants", `row ${row.id} (${row.key})`);
  }
}

/** The parts of what was to be said are all there, in order. */
function checkWhole({ words, world }: Machine, row: Row, rows: Row[]): void {
  const name = nameOf(row);
  const wanted = words.finals.get(name) ?? words.asked.get(name)?.args.text;
  const parts = rows.filter((one) => one.kind === "message" && nameOf(one) === name);
  const bare = (text: string) => text.replace(/\s+/g, "");
  if (typeof wanted !== "string" || bare(parts.map(({ text }) => text).join("")) !== bare(wanted)) {
    world.broken("parts of a message come in order and all", `${name}: ${parts.length} parts of "${wanted}"`);
  }
}

/** Its files are with the last part of a message, and with no other; an edit leaves them. */
function checkShownFiles({ words, world }: Machine, row: Row, rows: Row[], shown: Shown): void {
  const file = words.filesOf.get(nameOf(row));
  const last = rows.filter((one) => one.kind === "message" && nameOf(one) === nameOf(row)).at(-1);
  const wanted = file !== undefined && last?.id === row.id ? [file] : [];
  if (shown.files.join() !== wanted.join()) {
    world.broken("files go with their message", `${shown.key}: ${shown.files.join()} in place of ${wanted.join()}`);
  }
}

/** What is shown is the message's own text, or the latest edit that was delivered, or a later one that may have arrived. */
function checkText({ world }: Machine, row: Row, rows: Row[], shown: Shown): void {
  const edits = rows.filter(({ kind, over, id }) => kind === "edit" && over === row.id && id > row.id);
  const last = edits.findLastIndex(({ state }) => state === "sent");
  const allowed = [last < 0 ? row.text : edits[last]?.text, ...edits.slice(last + 1).map(({ text }) => text)];
  const text = shown.text.replace(MARK, "");
  if (!allowed.includes(text)) {
    world.broken("a message is edited only by what its agent wants", `${shown.key} says "${text.slice(0, 80)}"`);
  }
}

/** Nothing goes on looking as if it were still being written, where the platform let it be replaced. */
function checkDraft({ world, platforms }: Machine, channel: string, shown: Shown): void {
  const platform = platforms.find(({ id }) => id === channel);
  if (!isDraft(shown) || platform?.refusedChange(shown.platformId)) return;
  // A second copy, of which nothing was ever told, can't be found again.
  if (platform && platform.untold(shown.key) > 0 && platform.abilities.idempotency.kind === "none") return;
  world.broken("a draft never stays where its answer came", `${channel}: ${shown.key}: ${shown.text.slice(-60)}`);
}
