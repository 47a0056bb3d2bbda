/** What happens in a run, made from its seed beforehand: who says what, which faults come when. A part of it is a scenario too. */
import type { Address } from "../../src/store/address.ts";
import { Rng } from "./base/rng.ts";
import type { Setup, TaskPlan } from "./world/machine.ts";
import { TERMINAL } from "./world/people.ts";
import type { Mood } from "./world/platform.ts";
import type { Script } from "./world/script.ts";

export type Act =
  | { do: "say"; place: Address; script: Script }
  | { do: "stop turn"; place: Address }
  | { do: "crash host"; points: number }
  | { do: "restart host" }
  | { do: "end container"; which: number; outOfMemory: boolean }
  | { do: "restart engine"; keep: boolean; ms: number }
  | { do: "start trouble"; starts: number; how: "refused" | "answer lost" | "slow" }
  | { do: "mood"; platform: "keyed" | "bare"; mood: Mood; ms: number }
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
  (rng) => ({ do: "mood", platform: rng.pick(["keyed", "bare"]), mood: moodOf(rng), ms: rng.int(100, 60_000) }),
  (rng) => ({ do: "bad bells", loss: rng.pick([0.1, 0.5, 1]), ms: rng.int(1_000, 60_000) }),
  () => ({ do: "break bells" }),
  (rng) => ({ do: "slow readers", ms: rng.int(1_000, 30_000) }),
  (rng) => ({ do: "crash readers", reads: rng.int(1, 4) }),
  (rng) => ({ do: "set clock", by: rng.pick([-3_600_000, -2_000, -50, 50, 60_000, 6 * 3_600_000]) }),
  (rng) => ({ do: "full disk", commits: rng.int(0, 30), ms: rng.int(10, 20_000) }),
  (rng, places) => ({ do: "stop turn", place: rng.pick(places) }),
];

const PLACES: Address[] = [
  { channel: TERMINAL, chat: "main", thread: null },
  { channel: TERMINAL, chat: "second", thread: null },
  { channel: "keyed", chat: "room", thread: null },
  { channel: "keyed", chat: "hall", thread: "t1" },
  { channel: "bare", chat: "room", thread: null },
  { channel: "bare", chat: "room", thread: "t2" },
];

export function scenarioOf(seed: string): Scenario {
  const rng = new Rng(seed).fork("scenario");
  if (rng.chance(0.03)) return crowd(rng);
  return rng.chance(0.1) ? fairWeather(rng) : troubles(rng);
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
  return { setup: { maxContainers, places: PLACES, tasks: [] }, happenings, calmAt, limit: 5 * 60_000 };
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
    };
    happenings.push({ at: rng.int(0, calmAt), do: "say", place: rng.pick(PLACES), script });
  }
  happenings.sort((a, b) => a.at - b.at);
  return { setup: { maxContainers: rng.int(1, 4), places: PLACES, tasks: [] }, happenings, calmAt, limit: 10 * 60_000 };
}

function troubles(rng: Rng): Scenario {
  const places = PLACES.filter(() => rng.chance(0.6));
  if (places.length === 0) places.push(rng.pick(PLACES));
  const faults = FAULTS.filter(() => rng.chance(0.4));
  const calmAt = rng.pick([5_000, 20_000, 60_000, 240_000]);
  const happenings: Happening[] = [];
  const messages = rng.int(1, rng.pick([4, 15, 40]));
  for (let n = 1; n <= messages; n++) {
    happenings.push({ at: rng.int(0, calmAt), do: "say", place: rng.pick(places), script: scriptFor(`m${n}`, rng) });
  }
  const count = faults.length === 0 ? 0 : rng.int(0, rng.pick([2, 6, 15]));
  for (let n = 0; n < count; n++) happenings.push({ at: rng.int(0, calmAt), ...rng.pick(faults)(rng, places) });
  happenings.sort((a, b) => a.at - b.at);
  const tasks = rng.chance(0.3) ? tasksFor(places, calmAt, rng) : [];
  return { setup: { maxContainers: rng.int(1, 4), places, tasks }, happenings, calmAt, limit: null };
}

/** Only where answers name what they answer by more than a number. */
function tasksFor(places: Address[], calmAt: number, rng: Rng): TaskPlan[] {
  return places
    .filter(({ channel }) => channel !== TERMINAL)
    .map((place) => ({ place, at: rng.int(1, calmAt), session: rng.pick(["own", "chat"]) }));
}

function plainScript(id: string): Script {
  return { id, steps: 1, ms: 10, tools: 0, hangs: false, dies: false, alone: true, silent: false, fails: null };
}

function scriptFor(id: string, rng: Rng): Script {
  return {
    id,
    steps: rng.int(1, 3),
    ms: rng.pick([5, 100, 800, 5_000]),
    tools: rng.int(0, 2),
    hangs: rng.chance(0.02),
    dies: rng.chance(0.03),
    alone: rng.chance(0.2),
    silent: rng.chance(0.05),
    fails: rng.chance(0.05) ? rng.pick(["auth", "overload", "bug"]) : null,
  };
}

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
