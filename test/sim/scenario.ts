/** What happens in a run, made from its seed beforehand: who says what, which faults come when. A part of it is a scenario too. */
import type { Address } from "../../src/store/address.ts";
import { Rng } from "./base/rng.ts";
import type { GuardAct } from "./guarding.ts";
import type { OwnerAct } from "./questions.ts";
import type { Setup, TaskPlan } from "./world/machine.ts";
import { TERMINAL } from "./world/people.ts";
import type { Mood } from "./world/platform.ts";
import { deeds, type Script } from "./world/script.ts";

export type Act =
  /** With files of these sizes, where it is on a platform. */
  | { do: "say"; place: Address; script: Script; files?: number[] }
  | OwnerAct
  | GuardAct
  /** By its word, or by the button of a draft, where one is shown. */
  | { do: "stop turn"; place: Address; by: "word" | "button" }
  /** The message that began with that word says something else now, or is taken back. */
  | { do: "amend"; place: Address; id: string; script: Script | null }
  | { do: "freeze"; which: number }
  | { do: "crash host"; points: number }
  | { do: "restart host" }
  | { do: "end container"; which: number; outOfMemory: boolean }
  | { do: "restart engine"; keep: boolean; ms: number }
  | { do: "start trouble"; starts: number; how: "refused" | "answer lost" | "slow" }
  | { do: "mood"; platform: string; mood: Mood; ms: number }
  | { do: "bad bells"; loss: number; ms: number }
  | { do: "break bells" }
  | { do: "slow readers"; ms: number }
  | { do: "crash readers"; reads: number }
  | { do: "set clock"; by: number }
  | { do: "full disk"; commits: number; ms: number };

/** Something that happens at a time, in milliseconds. */
export type Happening = { at: number } & Act;

export interface Scenario {
  setup: Setup;
  /** In the order of time. */
  happenings: Happening[];
  /** When all faults cease. */
  calmAt: number;
  /** Nothing goes wrong, so each message has its end within this many milliseconds; null where that can't be said. */
  limit: number | null;
}

type Fault = (rng: Rng, places: Address[]) => Act;

/** Each seed gets some of these. */
const FAULTS: Fault[] = [
  (rng) => ({ do: "crash host", points: rng.int(0, 40) }),
  () => ({ do: "restart host" }),
  (rng) => ({ do: "end container", which: rng.int(0, 9), outOfMemory: rng.chance(0.3) }),
  (rng) => ({ do: "restart engine", keep: rng.chance(0.5), ms: rng.int(100, 20_000) }),
  (rng) => ({ do: "start trouble", starts: rng.int(1, 3), how: rng.pick(["refused", "answer lost", "slow"]) }),
  (rng) => ({ do: "mood", platform: rng.pick(PLATFORMS), mood: moodOf(rng), ms: rng.int(100, 60_000) }),
  (rng) => ({ do: "bad bells", loss: rng.pick([0.1, 0.5, 1]), ms: rng.int(1_000, 60_000) }),
  () => ({ do: "break bells" }),
  (rng) => ({ do: "slow readers", ms: rng.int(1_000, 30_000) }),
  (rng) => ({ do: "crash readers", reads: rng.int(1, 4) }),
  (rng) => ({ do: "set clock", by: rng.pick([-3_600_000, -2_000, -50, 50, 60_000, 6 * 3_600_000]) }),
  (rng) => ({ do: "full disk", commits: rng.int(0, 30), ms: rng.int(10, 20_000) }),
  (rng, places) => ({ do: "stop turn", place: rng.pick(places), by: rng.pick(["word", "button"]) }),
  (rng) => ({ do: "freeze", which: rng.int(0, 9) }),
];

/** See machine.ts for what each of them can do. */
const PLATFORMS = ["keyed", "bare", "looking"];

const PLACES: Address[] = [
  { channel: TERMINAL, chat: "main", thread: null },
  { channel: TERMINAL, chat: "second", thread: null },
  { channel: "keyed", chat: "room", thread: null },
  { channel: "keyed", chat: "hall", thread: "t1" },
  { channel: "bare", chat: "room", thread: null },
  { channel: "bare", chat: "room", thread: "t2" },
  { channel: "looking", chat: "room", thread: null },
];

export function scenarioOf(seed: string): Scenario {
  const rng = new Rng(seed).fork("scenario");
  if (rng.chance(0.03)) return crowd(rng);
  if (rng.chance(0.1)) return fairWeather(rng);
  // Named so that the seeds that once failed stay what they were.
  const own = (name: string) => new Rng(seed).fork(name);
  const questioned = withQuestions(troubles(rng), own("questions"));
  return withBudget(withGuard(withJam(questioned, own("blocked")), own("leaks")), own("money"));
}

/** In some there is a budget, which may well be used up. */
function withBudget(scenario: Scenario, rng: Rng): Scenario {
  if (!rng.chance(0.1)) return scenario;
  return { ...scenario, setup: { ...scenario.setup, budget: rng.int(3_000, 60_000) } };
}

/** In some the owner says that agents see private things, and lets their answers through again, or not. */
function withGuard(scenario: Scenario, rng: Rng): Scenario {
  if (!rng.chance(0.1)) return scenario;
  const { calmAt } = scenario;
  const happenings: Happening[] = [...scenario.happenings];
  let at = rng.chance(0.5) ? 0 : rng.int(0, calmAt);
  for (let n = rng.int(1, 3); n > 0; n--) {
    happenings.push({ at, do: "guard", on: true });
    at = Math.min(at + rng.int(2_000, calmAt), calmAt);
    if (n > 1 || rng.chance(0.5)) happenings.push({ at, do: "guard", on: false });
    at = Math.min(at + rng.int(10, 5_000), calmAt);
  }
  happenings.sort((a, b) => a.at - b.at);
  return { ...scenario, happenings };
}

/**
 * In some a platform takes nothing for a while, and in one of its rooms the engine cuts work off again and again: an answer
 * stands at the head of its queue, and there is something to tell meanwhile, at times in the same words. By a stream of its
 * own, as questions.
 */
function withJam(scenario: Scenario, rng: Rng): Scenario {
  if (!rng.chance(0.08)) return scenario;
  const place = rng.pick(PLACES.filter(({ channel }) => channel !== TERMINAL));
  const from = rng.int(0, 20_000);
  const calmAt = Math.max(scenario.calmAt, from + 90_000);
  const say = (at: number, id: string, ms: number): Happening => {
    return { at, do: "say", place, script: { ...plainScript(id), steps: 3, ms } };
  };
  const mood: Mood = rng.chance(0.7) ? { kind: "busy", retryAfter: rng.int(40_000, 60_000) } : { kind: "dead" };
  const happenings: Happening[] = [
    ...scenario.happenings,
    say(from, "j0", 1_000),
    // What is said before is answered into the jam, and the next is at work when the engine goes down.
    { at: from + rng.int(1_000, 2_500), do: "mood", platform: place.channel, mood, ms: rng.int(60_000, 70_000) },
    ...[1, 2, 3].map((n) => say(from + 12_000 * n, `j${n}`, 3_000)),
    ...[1, 2, 3].map((n): Happening => {
      const at = from + 12_000 * n + rng.int(4_000, 8_000);
      return { at, do: "restart engine", keep: false, ms: rng.int(10, 500) };
    }),
  ];
  happenings.sort((a, b) => a.at - b.at);
  const places = scenario.setup.places.includes(place) ? scenario.setup.places : [...scenario.setup.places, place];
  return { ...scenario, setup: { ...scenario.setup, places }, happenings, calmAt };
}

/** In some an owner is asked, and answers, in time or not. By a stream of its own, so that the other seeds stay what they are. */
function withQuestions(scenario: Scenario, rng: Rng): Scenario {
  if (!rng.chance(0.3)) return scenario;
  const { calmAt } = scenario;
  const happenings: Happening[] = [...scenario.happenings];
  for (let n = rng.int(1, 12); n > 0; n--) {
    const act: OwnerAct = rng.chance(0.6)
      ? { do: "ask at the door", which: rng.int(1, 4) }
      : { do: "stranger says", who: rng.int(1, 3), id: `q${n}` };
    const at = rng.int(0, calmAt);
    happenings.push({ at, ...act });
    // The answer may come before the question is there, or after it is over.
    for (let answers = rng.int(0, 2); answers > 0; answers--) {
      const by = rng.pick(["word", "button", "command", "button", "word", "old button", "stranger"] as const);
      const choice = rng.pick(["1", "2", "3", "4", "once", "yes", "no"]);
      const later = Math.min(at + rng.pick([10, 500, 5_000, 100_000, 300_000]), calmAt);
      happenings.push({ at: later, do: "answer", choice, by });
      if (rng.chance(0.2)) happenings.push({ at: later, do: "crash host", points: rng.int(0, 12) });
    }
  }
  happenings.sort((a, b) => a.at - b.at);
  return { ...scenario, setup: { ...scenario.setup, owner: rng.pick(PLATFORMS) }, happenings };
}

/** Chats in which somebody always speaks, as many as there are containers, and others that want to be heard as well. */
function crowd(rng: Rng): Scenario {
  const maxContainers = rng.int(1, 2);
  const calmAt = 8 * 60_000;
  const happenings: Happening[] = [];
  let said = 0;
  const say = (at: number, place: Address, ms: number) => {
    said += 1;
    happenings.push({ at, do: "say", place, script: { ...plainScript(`m${said}`), ms } });
  };
  for (const place of PLACES.slice(0, maxContainers)) {
    for (let at = rng.int(0, 1_000); at < calmAt; at += rng.int(2_600, 2_900)) say(at, place, 3_000);
  }
  for (const place of PLACES.slice(maxContainers)) say(rng.int(1_000, calmAt / 3), place, 100);
  happenings.sort((a, b) => a.at - b.at);
  const setup = { maxContainers, agents: 1, places: PLACES, tasks: [], owner: null, budget: null };
  return { setup, happenings, calmAt, limit: 5 * 60_000 };
}

/** Nothing goes wrong. */
function fairWeather(rng: Rng): Scenario {
  const calmAt = rng.pick([5_000, 60_000]);
  const happenings: Happening[] = [];
  for (let n = rng.int(2, 30); n > 0; n--) {
    const script = {
      ...plainScript(`m${n}`),
      steps: rng.int(1, 3),
      ms: rng.pick([5, 500, 3_000]),
      tools: rng.int(0, 2),
      long: rng.chance(0.2),
      does: rng.chance(0.3) ? [rng.pick(deeds)] : [],
    };
    const files = rng.chance(0.2) ? filesFor(rng) : [];
    happenings.push({ at: rng.int(0, calmAt), do: "say", place: rng.pick(PLACES), script, files });
  }
  happenings.sort((a, b) => a.at - b.at);
  const setup = {
    maxContainers: rng.int(1, 4),
    agents: rng.int(1, 2),
    places: PLACES,
    tasks: [],
    owner: null,
    budget: null,
  };
  return { setup, happenings, calmAt, limit: 10 * 60_000 };
}

function troubles(rng: Rng): Scenario {
  const places = PLACES.filter(() => rng.chance(0.6));
  if (places.length === 0) places.push(rng.pick(PLACES));
  const faults = FAULTS.filter(() => rng.chance(0.4));
  const calmAt = rng.pick([5_000, 20_000, 60_000, 240_000]);
  const happenings: Happening[] = [];
  const messages = rng.int(1, rng.pick([4, 15, 40]));
  for (let n = 1; n <= messages; n++) {
    const said = { place: rng.pick(places), script: scriptFor(`m${n}`, rng) };
    happenings.push({ at: rng.int(0, calmAt), do: "say", ...said, files: rng.chance(0.15) ? filesFor(rng) : [] });
  }
  // A platform that is stuck, and containers that die meanwhile: there is something to tell, and no way for messages.
  for (const { at, ...said } of happenings.filter(() => rng.chance(0.06))) {
    if (said.do !== "say" || said.place.channel === TERMINAL || at + 60_000 > calmAt) continue;
    const mood: Mood = { kind: "busy", retryAfter: 50_000 };
    happenings.push({ at, do: "mood", platform: said.place.channel, mood, ms: rng.int(5_000, 55_000) });
    const diesAt = at + rng.int(500, 8_000);
    for (let n = rng.int(1, 4); n > 0; n--)
      happenings.push({ at: diesAt, do: "end container", which: 0, outOfMemory: false });
  }
  for (const said of happenings.filter(({ do: what }) => what === "say" && rng.chance(0.1))) {
    if (said.do !== "say" || said.place.channel === TERMINAL) continue;
    const { id } = said.script;
    // At times it overtakes what it changes.
    const at = Math.min(said.at + rng.pick([1, 50, 1_000, 20_000]), calmAt);
    happenings.push({ at, do: "amend", place: said.place, id, script: rng.chance(0.3) ? null : scriptFor(id, rng) });
  }
  for (const { at, ...said } of happenings.filter(() => rng.chance(0.08))) {
    if (said.do !== "say") continue;
    const stopAt = at + rng.pick([50, 500, 3_000]);
    if (stopAt + 100 > calmAt) continue;
    happenings.push({ at: stopAt, do: "stop turn", place: said.place, by: rng.pick(["word", "button"]) });
    if (rng.chance(0.5)) happenings.push({ at: stopAt + rng.int(1, 80), do: "crash host", points: rng.int(0, 6) });
  }
  const count = faults.length === 0 ? 0 : rng.int(0, rng.pick([2, 6, 15]));
  for (let n = 0; n < count; n++) happenings.push({ at: rng.int(0, calmAt), ...rng.pick(faults)(rng, places) });
  happenings.sort((a, b) => a.at - b.at);
  const tasks = rng.chance(0.3) ? tasksFor(places, calmAt, rng) : [];
  const setup = {
    maxContainers: rng.int(1, 4),
    agents: rng.chance(0.3) ? 2 : 1,
    places,
    tasks,
    owner: null,
    budget: null,
  };
  return { setup, happenings, calmAt, limit: null };
}

/** Only where answers name what they answer by more than a number. */
function tasksFor(places: Address[], calmAt: number, rng: Rng): TaskPlan[] {
  return places
    .filter(({ channel }) => channel !== TERMINAL)
    .map((place) => ({ place, at: rng.int(1, calmAt), session: rng.pick(["own", "chat"]), script: taskScript(rng) }));
}

/** A task may well find nothing to say, also after it began to write. */
function taskScript(rng: Rng): Script {
  return { ...plainScript("It"), steps: rng.int(1, 3), ms: rng.pick([10, 3_000]), silent: rng.chance(0.3) };
}

function plainScript(id: string): Script {
  const well = { hangs: null, loops: false, dies: false, alone: true, silent: false, fails: null };
  return { id, steps: 1, ms: 10, tools: 0, ...well, long: false, does: [] };
}

function scriptFor(id: string, rng: Rng): Script {
  return {
    id,
    steps: rng.int(1, 3),
    ms: rng.pick([5, 100, 800, 5_000]),
    tools: rng.int(0, 2),
    hangs: rng.chance(0.03) ? rng.pick(["model", "tool"]) : null,
    loops: rng.chance(0.01),
    dies: rng.chance(0.03),
    alone: rng.chance(0.2),
    silent: rng.chance(0.05),
    fails: rng.chance(0.05) ? rng.pick(["auth", "overload", "bug"]) : null,
    long: rng.chance(0.15),
    does: rng.chance(0.3) ? Array.from({ length: rng.int(1, 3) }, () => rng.pick(deeds)) : [],
  };
}

/** Sizes: most are small, some too large. */
const filesFor = (rng: Rng) => Array.from({ length: rng.int(1, 3) }, () => rng.pick([10, 1_000, 2_000_000_000]));

function moodOf(rng: Rng): Mood {
  return rng.pick<Mood>([
    { kind: "dead" },
    { kind: "busy", retryAfter: rng.int(100, 60_000) },
    { kind: "loses answers", arrived: rng.chance(0.5) },
    { kind: "silent" },
    { kind: "fickle" },
    { kind: "refuses" },
  ]);
}
