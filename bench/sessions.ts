/**
 * What sleeping sessions cost: start time, memory and latency of a host, as a process of its own, while the number of
 * sessions that it knows grows. They have rows and no folder, as a host looks at a folder only when its session wakes.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Audit } from "../src/audit/audit.ts";
import { TERMINAL_USER } from "../src/channels/terminal.ts";
import { systemClock } from "../src/lib/clock.ts";
import { newMessagingGroupId, newSessionId, systemRandom } from "../src/lib/ids.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { TestHost } from "../test/support/host.ts";
import { percentiles, type Row, type Section, single } from "./stats.ts";

/** Messages that each sleeping session has had, each with its answer. */
const HISTORY = 4;
const ASKS = 100;
const VERBS = 10;

/** @param counts how many sessions are known, growing */
export async function knownSessions(counts: number[]): Promise<Section[]> {
  const after: (() => unknown)[] = [];
  try {
    const host = await TestHost.start({ after: (end) => void after.push(end as () => unknown) });
    await host.init();
    await host.ask("warm up");
    const sections: Section[] = [];
    let known = 1;
    for (const count of counts) {
      await host.kill("SIGTERM");
      grow(host.paths.database, known, count);
      known = count;
      sections.push({ name: `${count} known sessions, all asleep but one`, rows: await figures(host) });
    }
    return sections;
  } finally {
    for (const end of after) await end();
  }
}

async function figures(host: TestHost): Promise<Row[]> {
  const began = performance.now();
  await host.up();
  const start = performance.now() - began;
  const atStart = memory(host.pid);
  await asks(host, 5);
  const answered = await asks(host, ASKS);
  const timed = async (work: () => Promise<unknown>) => {
    const samples: number[] = [];
    for (let i = 0; i < VERBS; i++) {
      const from = performance.now();
      await work();
      samples.push(performance.now() - from);
    }
    return samples;
  };
  return [
    single("process begun -> first verb answered", "ms", start),
    single("resident after the start", "MB", atStart.rss),
    single("resident after the messages", "MB", memory(host.pid).rss),
    single("the same, shared pages by their part (PSS)", "MB", memory(host.pid).pss),
    percentiles("said -> answer seen, warm session", "ms", answered),
    percentiles("a message to a chat that sleeps, accepted", "ms", await accepts(host)),
    percentiles("ncl status", "ms", await timed(() => host.call("status", {}))),
    percentiles("ncl chat list", "ms", await timed(() => host.call("chat.list", {}))),
    percentiles("ncl sessions list", "ms", await timed(() => host.call("sessions.list", {}))),
    percentiles("ncl outbox list", "ms", await timed(() => host.call("outbox.list", {}))),
  ];
}

/** Says one message after the other in a warm session, through the control API as a terminal does. */
async function asks(host: TestHost, count: number): Promise<number[]> {
  const samples: number[] = [];
  const hangUp = new AbortController();
  const seen = new Map<number, number>();
  let heard = () => {};
  const follow = async () => {
    for await (const event of host.client.stream(
      "chat.follow",
      { chat: "main", after: 0 },
      { signal: hangUp.signal },
    )) {
      if (event.type !== "message") continue;
      for (const n of event.answers) seen.set(n, performance.now());
      heard();
    }
  };
  const following = follow().catch(() => {});
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const n = await host.say("hello");
    while (!seen.has(n)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
    samples.push((seen.get(n) ?? from) - from);
    await pause(5);
  }
  hangUp.abort();
  await following;
  return samples;
}

/** With two containers at most for it: the same two sleeping chats again and again. */
async function accepts(host: TestHost): Promise<number[]> {
  const samples: number[] = [];
  const numbers: [number, string][] = [];
  for (let i = 0; i < VERBS * 2; i++) {
    const chat = `sleeping-${1 + (i % 2)}`;
    const from = performance.now();
    numbers.push([await host.say("are you there?", chat), chat]);
    samples.push(performance.now() - from);
  }
  for (const [n, chat] of numbers.slice(-2)) await host.answer(n, chat);
  return samples;
}

/** Adds sessions with their rooms and with a history that has ended, as this host would have written it. */
function grow(database: string, from: number, to: number): void {
  const store = openStore(database);
  const audit = new Audit(store.db, systemClock);
  for (let first = from; first < to; first += 500) {
    store.db.transaction(() => {
      for (let i = first; i < Math.min(to, first + 500); i++) addSession(store, audit, `sleeping-${i}`);
    });
  }
  store.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  store.db.close();
}

function addSession(store: Store, audit: Audit, chat: string): void {
  const [group] = store.groups.agentGroups();
  if (!group) throw new Error("no agent group");
  const room = newMessagingGroupId(systemRandom);
  store.groups.addMessagingGroup({ id: room, channel: "terminal", chat, unknownSenderPolicy: "strict" });
  store.groups.wire(room, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
  const id = newSessionId(systemRandom);
  const now = Date.now();
  const address = { channel: "terminal", chat, thread: null };
  store.sessions.add({
    ...{ id, agentGroup: group.id, conversation: `terminal/${chat}`, ...address, runtime: null },
    ...{ outboundCursor: 0, lastActiveAt: now },
  });
  for (let i = 0; i < HISTORY; i++) {
    const [text, key, turn] = [`message ${i} of an earlier day`, `${id}:${i}`, i * 4 + 1];
    const fact = (verb: string) => audit.append({ actor: "system", verb, resource: chat, decision: "fact" });
    const event = store.inbox.addEvent({
      ...{ ...address, platformId: key, revision: 0, author: "person", userId: TERMINAL_USER, userName: "Owner", text },
      ...{ change: "said", files: [], script: null, saidAt: now, receivedAt: now },
    });
    const number = store.sessions.nextNumber(id, now);
    if (event !== null) store.inbox.enqueue(id, number, event, true);
    fact("message.accept");
    store.turns.start(id, turn, now);
    store.inbox.intoTurn(id, [number], turn);
    store.inbox.finish(id, [number], turn, "done");
    store.turns.end(id, turn, "done", now, null, null);
    store.sessions.setCursor(id, turn + 2);
    fact("turn.end");
    store.outbox.add({ sessionId: id, turn, address, author: "agent", text, answers: [key], key }, now);
    const row = store.outbox.heads(now).find((one) => one.key === key);
    if (row) store.outbox.claim(row.id, now);
    if (row) store.outbox.sent(row.id, key, now);
    fact("message.send");
    for (const author of ["person", "agent"]) {
      store.db.run(
        "INSERT INTO terminal_messages (chat, author, name, text, answers, at, key) VALUES (?,?,?,?,'[]',?,?)",
        ...[chat, author, author, text, now, `${key}:${author}`],
      );
    }
  }
}

/** Of a process, in MB. */
function memory(pid: number): { rss: number; pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
  return { rss: of("Rss"), pss: of("Pss") };
}
