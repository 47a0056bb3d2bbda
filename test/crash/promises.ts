/**
 * What holds after every death, read from what is really there: the log that people see, the central database, the
 * audit chain, the engine. Each broken promise is one line that begins with its name.
 */
import { globSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { Audit } from "../../src/audit/audit.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Database } from "../../src/lib/sqlite.ts";
import type { Printed } from "./paper.ts";
import { BY_VERB, PLAN, STOPPED } from "./scenario.ts";
import type { World } from "./world.ts";

export const promises = {
  restart: "the host starts again",
  end: "every accepted message has an end",
  once: "no message is answered twice unless the repeat is marked",
  heard: "what was said with one key is said once",
  order: "order is kept in a conversation",
  needless: "a death costs no message its answer",
  intent: "what people see has a durable intent, and what was sent is seen",
  numbers: "numbers only grow, and the cursor with them",
  tries: "every try is counted, and three are the most",
  owner: "what an agent must be able to write belongs to it",
  audit: "the audit chain is whole and has every effect",
  orphan: "no container is left over",
  single: "a session never has two containers",
  alive: "afterwards every conversation goes on",
  parts: "a long answer comes in parts, in order and all",
  draft: "a draft never stays where its answer came",
  task: "a scheduled task runs once",
  verb: "a verb is carried out once",
  stop: "what was stopped is not worked on again",
  left: "a run leaves nothing behind",
} as const;

interface Shown {
  n: number;
  chat: string;
  author: "person" | "agent" | "system";
  text: string;
  answers: number[];
  key: string;
}

const REPEATED = /^\(Repeated/;
const MARK = /^\(Repeated: .*?\)\s*/s;

/** What the database and the log say. Call it with the host stopped. */
export function brokenPromises(world: World): string[] {
  const shown = world
    .query<Omit<Shown, "answers"> & { answers: string }>(
      "SELECT n, chat, author, text, answers, key FROM terminal_messages ORDER BY n",
    )
    .map((row): Shown => ({ ...row, answers: JSON.parse(row.answers) as number[] }));
  return [
    ...messages(world, shown),
    ...states(world),
    ...notes(world),
    ...once(world, shown),
    ...left(world),
    ...intents(world, shown),
    ...numbers(world),
    ...tries(world),
    ...owners(world),
    ...audit(world),
  ];
}

function messages(world: World, shown: Shown[]): string[] {
  const broken: string[] = [];
  const lastEnd = new Map<string, number>();
  const agent = shown.filter((one) => one.author === "agent" && !REPEATED.test(one.text));
  for (const { chat, text, n } of world.said.filter((said) => said.n !== null)) {
    const what = `"${text}" (message ${n})`;
    const ends = shown.filter((one) => n !== null && one.answers.includes(n));
    const unmarked = ends.filter((one) => !REPEATED.test(one.text) && !/^Stopped/.test(one.text));
    const saying = agent.filter((one) => one.text.includes(text));
    const end = ends[0];
    if (!end) broken.push(`${promises.end}: ${what} was acknowledged and has none`);
    if (unmarked.length > 1 || saying.length > 1) {
      broken.push(
        `${promises.once}: ${what}: ${JSON.stringify([...new Set([...unmarked, ...saying])].map((one) => one.text))}`,
      );
    }
    if (shown.filter((one) => one.author === "person" && one.text === text).length !== 1)
      broken.push(`${promises.heard}: ${what}`);
    const expected = text.includes("fail:") ? "system" : "agent";
    if (text === STOPPED) {
      if (!ends.some((one) => /^Stopped/.test(one.text))) broken.push(`${promises.stop}: ${what}`);
    } else if (end && end.author !== expected)
      broken.push(`${promises.needless}: ${what} ended with ${JSON.stringify(end.text)}`);
    if (end && end.n < (lastEnd.get(chat) ?? 0))
      broken.push(`${promises.order}: ${what} was answered before what came before it`);
    if (end) lastEnd.set(chat, end.n);
  }
  return broken;
}

const DRAFT = /:draft(#\d+)?$/;

/** On paper only what says so may be there twice, the parts of each answer are all there, in order, and no draft is left. */
function notes(world: World): string[] {
  const printed = world.paper.printed();
  const broken = world.notes.flatMap(({ id, text }) => {
    const ends = printed.filter(({ answers }) => answers.includes(id));
    if (ends.length === 0) return [`${promises.end}: note "${text}" has none`];
    // What took the place of a draft has the draft's key.
    const key = (ends[0]?.key ?? "").replace(DRAFT, ":final");
    const parts = printed.filter((one) => ends.includes(one) || one.key === key || one.key.startsWith(`${key}#`));
    const whole = new Map(parts.map((one) => [one.key.replace(DRAFT, ":final"), one.text.replace(MARK, "")]));
    const said = [...whole.values()].join(" ").replace(/^echo: /, "");
    return said === text ? [] : [`${promises.parts}: ${JSON.stringify([...whole])}`];
  });
  const seen = new Set<string>();
  for (const one of printed) {
    if (REPEATED.test(firstText(one))) continue;
    if (seen.has(one.key)) broken.push(`${promises.once}: on paper: ${one.key}: ${one.text}`);
    seen.add(one.key);
  }
  // Of a draft that had to be shown again only the second can be found and changed; that one says that it is a repeat.
  const stays = printed.filter((one) => {
    const again = printed.some((other) => other !== one && other.key === one.key && REPEATED.test(firstText(other)));
    return DRAFT.test(one.key) && one.before.length === 0 && !again;
  });
  broken.push(...stays.map(({ key, text }) => `${promises.draft}: ${key}: ${text}`));
  return broken;
}

/** As it was sent. */
const firstText = ({ before, text }: Printed) => before[0] ?? text;

/** What an agent did by a verb, and what a task began, happened once. */
function once(world: World, shown: Shown[]): string[] {
  const broken: string[] = [];
  const asked = world.query("SELECT 1 FROM inbound_events WHERE text LIKE 'verb:send%'").length;
  const times = shown.filter(({ text }) => text === BY_VERB).length;
  // Also where the turn that said it was cut off: the next one gets the number of what was said.
  if (asked > 0 && times !== 1) broken.push(`${promises.verb}: said ${times} times`);
  // A turn that was cut off and is taken up again asks anew, with another row.
  const [plan] = world.query<{ most: number; made: number }>(
    `SELECT (SELECT coalesce(sum(i.attempt), 0) FROM inbox i JOIN inbound_events e ON e.id = i.event_id
       WHERE e.text LIKE 'verb:schedule_task%') AS most, (SELECT count(*) FROM scheduled_tasks WHERE name = ?) AS made`,
    PLAN.name,
  );
  if (plan && (plan.made > plan.most || (plan.made === 0 && plan.most > 0)))
    broken.push(`${promises.verb}: ${plan.made} tasks were made, asked for ${plan.most} times at most`);
  const [runs] = world.query<{ begun: number; tasks: number }>(
    `SELECT (SELECT count(*) FROM inbound_events WHERE platform_id LIKE 'task:%') AS begun,
       (SELECT count(*) FROM scheduled_tasks WHERE name <> ?) AS tasks`,
    PLAN.name,
  );
  if (runs && runs.begun !== runs.tasks) broken.push(`${promises.task}: ${runs.begun} runs of ${runs.tasks} tasks`);
  return broken;
}

/** Of a run in a conversation of its own there is neither a session nor a folder left. */
function left(world: World): string[] {
  const known = new Set(world.query<{ id: string }>("SELECT id FROM sessions").map(({ id }) => id));
  const folders = globSync(join(world.paths.sessions, "*", "*")).filter((path) => !known.has(basename(path)));
  const rows = world.query<{ id: string }>("SELECT id FROM sessions WHERE conversation LIKE 'task:%'");
  return [...folders, ...rows.map(({ id }) => id)].map((what) => `${promises.left}: ${what}`);
}

/** Nothing stays in the middle. */
function states(world: World): string[] {
  const open = (sql: string) => world.query<{ what: string }>(sql).map(({ what }) => `${promises.end}: ${what}`);
  return [
    ...open("SELECT 'inbox row ' || number || ' is ' || state AS what FROM inbox WHERE state NOT IN ('done','failed')"),
    ...open(
      "SELECT 'outbox row ' || id || ' is ' || state AS what FROM outbox WHERE state <> 'sent' AND kind <> 'draft'",
    ),
    ...open("SELECT 'turn ' || number || ' is running' AS what FROM turns WHERE state = 'running'"),
  ];
}

function intents(world: World, shown: Shown[]): string[] {
  const keys = new Set(shown.filter(({ author }) => author !== "person").map(({ key }) => key.replace(/^host:/, "")));
  const outbox = world.query<{ key: string; state: string }>(
    "SELECT key, state FROM outbox WHERE channel = 'terminal'",
  );
  const meant = new Set(outbox.map(({ key }) => key));
  return [
    ...outbox
      .filter(({ key, state }) => state === "sent" && !keys.has(key))
      .map(({ key }) => `${promises.intent}: ${key} counts as sent and nobody sees it`),
    ...[...keys]
      .filter((key) => !meant.has(key))
      .map((key) => `${promises.intent}: ${key} is seen and was never meant`),
  ];
}

function numbers(world: World): string[] {
  const wrong = world.query<{ what: string }>(`
    SELECT 'inbox row ' || i.number || ' is above ' || s.last_number AS what
      FROM inbox i JOIN sessions s ON s.id = i.session_id WHERE i.number > s.last_number OR i.number % 2 = 1
    UNION ALL SELECT 'turn ' || t.number || ' is above the cursor ' || s.outbound_cursor
      FROM turns t JOIN sessions s ON s.id = t.session_id WHERE t.number > s.outbound_cursor OR t.number % 2 = 0
    UNION ALL SELECT 'message ' || b.number || ' has an earlier event than ' || a.number
      FROM inbox a JOIN inbox b ON b.session_id = a.session_id AND b.number > a.number AND b.event_id <= a.event_id`);
  return wrong.map(({ what }) => `${promises.numbers}: ${what}`);
}

function tries(world: World): string[] {
  const wrong = world.query<{ what: string }>(`
    SELECT 'message ' || number || ' was tried ' || attempt || ' times' AS what FROM inbox WHERE attempt > 3
    UNION ALL SELECT 'messages went back to the queue of ' || session || ' ' || again || ' times, of which ' || counted || ' are counted'
      FROM (SELECT s.id AS session, (SELECT coalesce(sum(attempt - 1), 0) FROM inbox WHERE session_id = s.id) AS counted,
        (SELECT coalesce(sum(detail ->> 'again'), 0) FROM audit WHERE verb = 'turn.interrupt' AND resource = 'session:' || s.id) AS again
        FROM sessions s) WHERE again <> counted`);
  return wrong.map(({ what }) => `${promises.tries}: ${what}`);
}

/** A null provider writes nothing, so that is looked at from outside. Only a host that is root gives each agent a uid. */
function owners(world: World): string[] {
  if (process.getuid?.() !== 0) return [];
  const { sessions, groups } = world.paths;
  const agents = world.query<{ id: string; folder: string; uid: number }>("SELECT id, folder, uid FROM agent_groups");
  return agents.flatMap(({ id, folder, uid }) => {
    const own = ["out/outbound.db", "out/outbound.db-journal", "provider"];
    const paths = [join(groups, folder, "workspace"), ...globSync(own.map((name) => join(sessions, id, "*", name)))];
    const wrong = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.uid !== uid);
    return wrong.map((path) => `${promises.owner}: ${relative(world.dir, path)}`);
  });
}

/** Facts of the chain against the rows that they speak of. */
const AUDITED = {
  "message.accept": "SELECT count(*) AS count FROM inbox i JOIN inbound_events e ON e.id = i.event_id",
  "message.send,draft.send": "SELECT count(*) AS count FROM outbox WHERE state = 'sent'",
  // A stop that finds a dead container is an interruption too.
  "turn.end,turn.interrupt": "SELECT count(*) AS count FROM turns WHERE state <> 'running'",
};

function audit(world: World): string[] {
  const broken: string[] = [];
  const db = new Database(world.paths.database);
  const verdict = new Audit(db, systemClock).verify();
  db.close();
  if (!verdict.intact) broken.push(`${promises.audit}: record ${verdict.seq}: ${verdict.why}`);
  for (const [verb, sql] of Object.entries(AUDITED)) {
    const [rows] = world.query<{ count: number }>(sql);
    const [records] = world.query<{ count: number }>(
      // Rows of a run with a conversation of its own are cleared away with its session; what is recorded of them stays.
      `SELECT count(*) AS count FROM audit WHERE verb IN (SELECT value FROM json_each(?)) AND decision <> 'deny'
         AND (verb LIKE '%.send' OR session IS NULL OR session IN (SELECT id FROM sessions))`,
      JSON.stringify(verb.split(",")),
    );
    if (rows?.count !== records?.count)
      broken.push(`${promises.audit}: ${records?.count} records of ${verb} for ${rows?.count} rows`);
  }
  return broken;
}

/** What the engine has. @param stopped whether the host has ended in an orderly way, so that nothing may be left */
export async function brokenByContainers(world: World, stopped: boolean): Promise<string[]> {
  const known = new Set(world.query<{ id: string }>("SELECT id FROM sessions").map(({ id }) => id));
  const there = await world.containers.list(stopped);
  return there
    .filter(({ session, state }) => stopped || state !== "running" || !known.has(session))
    .map(
      ({ session, state }) => `${promises.orphan}: one of ${session}, ${state}${stopped ? ", after a clean stop" : ""}`,
    );
}

/** Whether the host knows of every container that runs, once everything has its end. */
export async function forgottenContainers(world: World): Promise<string[]> {
  const { sessions } = await world.call("status", {});
  const known = Object.entries(sessions).reduce((sum, [state, count]) => (state === "cold" ? sum : sum + count), 0);
  const running = (await world.containers.list()).filter(({ state }) => state === "running").length;
  return running > known ? [`${promises.orphan}: ${running} run, and the host knows of ${known}`] : [];
}

/** Whether two containers of one session ever ran at a time, as the engine saw it. */
export async function overlaps(world: World): Promise<string[]> {
  const running = new Map<string, Set<string>>();
  const broken: string[] = [];
  for (const { action, id, session } of await world.containers.events()) {
    const ids = running.get(session) ?? new Set();
    running.set(session, ids);
    if (action === "start") ids.add(id);
    else ids.delete(id);
    if (ids.size > 1) broken.push(`${promises.single}: ${session} had ${ids.size}`);
  }
  return broken;
}
