/**
 * Notices a session that asks its model as no honest work does: too often, the same again and again, or while nobody has
 * asked it for anything. In memory: what it counts is minutes old at most.
 */

export interface RunawayLimits {
  /** Requests within a minute. */
  rate: Threshold;
  /** Equal requests of one turn that were answered. */
  same: Threshold;
  /** Requests since the last turn, while no message waits. */
  idle: Threshold;
}
interface Threshold {
  warn: number;
  stop: number;
}

/** Argued in docs/usage.md. */
export const runawayLimits: RunawayLimits = {
  rate: { warn: 120, stop: 240 },
  same: { warn: 10, stop: 20 },
  idle: { warn: 10, stop: 30 },
};

export type Kind = keyof RunawayLimits;
export type RunawayVerdict =
  | { state: "fine" }
  /** Once for each turn and kind. */
  | { state: "warn"; kind: Kind; count: number; stop: number }
  /** `first` once; whatever is asked until the next turn is stopped too. */
  | { state: "stop"; kind: Kind; count: number; first: boolean };

export interface Seen {
  now: number;
  /** The turn that runs; null where its beginning is not known yet, or where none runs. */
  turn: number | null;
  /** Neither runs a turn nor waits a message. */
  idle: boolean;
  hash: string;
}

const MINUTE = 60_000;
/** Sessions and bodies of one session that are remembered, the latest. */
const MOST_SESSIONS = 1_000;
const MOST_BODIES = 200;

interface Track {
  turn: number | null;
  times: number[];
  bodies: Map<string, number>;
  idle: number;
  warned: Set<Kind>;
  stopped: { kind: Kind; count: number } | null;
}

export class RunawayDetector {
  readonly #limits: RunawayLimits;
  readonly #tracks = new Map<string, Track>();
  constructor(limits: RunawayLimits = runawayLimits) {
    this.#limits = limits;
  }

  /** A session is about to ask its model. */
  see(session: string, { now, turn, idle, hash }: Seen): RunawayVerdict {
    const track = this.#track(session, turn, idle);
    track.times = track.times.filter((at) => at > now - MINUTE && at <= now).slice(-this.#limits.rate.stop);
    track.times.push(now);
    track.idle += idle ? 1 : 0;
    const same = (track.bodies.get(hash) ?? 0) + 1;
    track.bodies.delete(hash);
    track.bodies.set(hash, same);
    if (track.bodies.size > MOST_BODIES) forgetOldest(track.bodies);
    if (track.stopped) return { state: "stop", ...track.stopped, first: false };
    const counts: Record<Kind, number> = { rate: track.times.length, same, idle: track.idle };
    for (const kind of ["rate", "same", "idle"] as const) {
      const { warn, stop } = this.#limits[kind];
      const count = counts[kind];
      if (count >= stop) {
        track.stopped = { kind, count };
        return { state: "stop", kind, count, first: true };
      }
      if (count >= warn && !track.warned.has(kind)) {
        track.warned.add(kind);
        return { state: "warn", kind, count, stop };
      }
    }
    return { state: "fine" };
  }

  /** A request got no answer: that it is made again is no wonder. */
  failed(session: string, hash: string): void {
    const bodies = this.#tracks.get(session)?.bodies;
    const count = bodies?.get(hash) ?? 0;
    if (count > 0) bodies?.set(hash, count - 1);
  }

  /** A new turn begins anew. */
  #track(session: string, turn: number | null, idle: boolean): Track {
    const known = this.#tracks.get(session);
    const another = turn !== null && turn !== known?.turn;
    if (known && !another && (idle || turn !== null || known.stopped === null)) return known;
    const fresh = { turn, times: [], bodies: new Map(), idle: 0, warned: new Set<Kind>(), stopped: null };
    // The rate goes on over turns that follow each other, unless it was stopped: then the next turn has its chance.
    const track: Track = known && !known.stopped ? { ...fresh, times: known.times } : fresh;
    this.#tracks.delete(session);
    this.#tracks.set(session, track);
    if (this.#tracks.size > MOST_SESSIONS) forgetOldest(this.#tracks);
    return track;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const [key] of map) {
    map.delete(key);
    return;
  }
}
