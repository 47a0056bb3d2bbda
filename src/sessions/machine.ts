/**
 * The life of a session's container as a pure state machine. Effects are returned, never done here; every state that
 * could last too long has its own timer. Starting twice is impossible: only `waiting` leads to `starting`.
 */

export type StateName =
  | "cold"
  | "waiting"
  | "starting"
  | "ready"
  | "busy"
  | "resting"
  | "stopping"
  | "recovering"
  | "cooling";

export type SessionEvent =
  /** There is something that the agent must answer. */
  | "work"
  /** The admission queue gave this session a slot for a container. */
  | "slot"
  /** A container that an earlier process of the host left running was found. */
  | "adopted"
  /** The runner has connected its bell. */
  | "connected"
  | "turn_began"
  | "turn_ended"
  /** The container could not be started; its runner may have been heard all the same. */
  | "start_failed"
  | "exited"
  /** What the container left behind was taken over. */
  | "recovered"
  /** The timer of the state ran out. */
  | "timeout"
  /** Its slot is wanted by a session with work. */
  | "evict"
  /** The same, although it has work of its own; what runs is not cut off. */
  | "yield"
  /** The host or a person wants the container gone. */
  | "stop";

export type Effect = "ask_slot" | "leave_queue" | "start" | "rest" | "stop" | "release_slot";

export interface Step {
  state: StateName;
  effects: Effect[];
}

/** How long each state may last, in milliseconds. */
export interface Timers {
  /** From the start to the runner's bell. */
  starting: number;
  /** A warm agent process without work. */
  ready: number;
  /** A runner without an agent process. */
  resting: number;
  /** One turn. */
  busy: number;
}

export const defaultTimers: Timers = {
  starting: 60_000,
  ready: 10 * 60_000,
  resting: 30 * 60_000,
  busy: 60 * 60_000,
};

const stay = (state: StateName): Step => ({ state, effects: [] });

/** @param hasWork whether rows wait or run in this session, as the database says. */
export function next(state: StateName, event: SessionEvent, hasWork: boolean): Step {
  switch (state) {
    case "cold":
      if (event === "work") return { state: "waiting", effects: ["ask_slot"] };
      if (event === "adopted") return { state: "starting", effects: [] };
      return stay(state);
    case "cooling":
      if (event === "timeout") return hasWork ? { state: "waiting", effects: ["ask_slot"] } : stay("cold");
      if (event === "adopted") return stay("starting");
      if (event === "stop") return stay("cold");
      return stay(state);
    case "waiting":
      if (event === "slot") {
        return hasWork ? { state: "starting", effects: ["start"] } : { state: "cold", effects: ["release_slot"] };
      }
      if (event === "stop") return { state: "cold", effects: ["leave_queue"] };
      if (event === "adopted") return { state: "starting", effects: ["leave_queue"] };
      return stay(state);
    case "starting":
      if (event === "connected") return stay("ready");
      if (event === "start_failed" || event === "exited") return ended();
      if (event === "timeout" || event === "stop") return { state: "stopping", effects: ["stop"] };
      return stay(state);
    case "ready":
      if (event === "turn_began") return stay("busy");
      if (event === "timeout") return hasWork ? stay("ready") : { state: "resting", effects: ["rest"] };
      return idle(state, event, hasWork);
    case "resting":
      if (event === "turn_began") return stay("busy");
      if (event === "timeout" && !hasWork) return { state: "stopping", effects: ["stop"] };
      return idle(state, event, hasWork);
    case "busy":
      if (event === "turn_ended") return stay("ready");
      if (event === "exited" || event === "start_failed") return ended();
      if (event === "timeout" || event === "stop") return { state: "stopping", effects: ["stop"] };
      return stay(state);
    case "stopping":
      return event === "exited" || event === "start_failed" ? ended() : stay(state);
    case "recovering":
      return event === "recovered" ? stay(hasWork ? "cooling" : "cold") : stay(state);
  }
}

function idle(state: StateName, event: SessionEvent, hasWork: boolean): Step {
  if (event === "exited" || event === "start_failed") return ended();
  if (event === "stop" || event === "yield" || (event === "evict" && !hasWork))
    return { state: "stopping", effects: ["stop"] };
  return stay(state);
}

const ended = (): Step => ({ state: "recovering", effects: ["release_slot"] });

/** Pause before the next start after `failures` failures in a row, in milliseconds. */
export function coolingTime(failures: number): number {
  const steps = [0, 200, 2_000, 5_000, 15_000, 30_000];
  return steps[failures] ?? 60_000;
}
