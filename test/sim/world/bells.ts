/** Doors and bells: a runner connects to its session's door; rings can be lost, doubled or late, connections can break. */
import { mkdirSync } from "node:fs";
import type { Door, DoorHooks } from "../../../src/gateway/door.ts";
import type { Life } from "../base/life.ts";
import type { Met } from "../base/tally.ts";
import type { World } from "./world.ts";

const CONNECT_MS: [number, number] = [1, 15];
const RING_MS: [number, number] = [0, 3];
const LATE_MS: [number, number] = [50, 1_500];
const UPLOAD_MS: [number, number] = [1, 500];
const FIRST_PAUSE = 20;
const LAST_PAUSE = 1_000;

/** The host's side of one session's socket. */
interface OpenDoor {
  life: Life;
  hooks: DoorHooks;
  runner: RunnerSide | null;
}

interface RunnerSide {
  life: Life;
  onRing: () => void;
  lost: () => void;
}

export interface BellEnd {
  ring(): void;
  /** Hands a file over by the same socket. */
  upload(name: string, content: string): Promise<string>;
}

async function* chunksOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

export class Bells {
  /** The share of rings that get lost; as many again are late, and as many are doubled. */
  loss = 0;
  readonly #world: World;
  /** By the directory of the socket. */
  readonly #doors = new Map<string, OpenDoor>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Doors as one process of the host opens them; they close with it. */
  door(life: Life): Door {
    return {
      trust: () => ({}),
      open: (_session, dir, hooks) =>
        this.#world.call(life, [0, 2], () => {
          mkdirSync(dir, { recursive: true });
          this.#drop(dir);
          const door: OpenDoor = { life, hooks, runner: null };
          this.#doors.set(dir, door);
          life.onEnd(() => this.#close(dir, door));
          return {
            ring: () => {
              life.point();
              const { runner } = door;
              if (runner) this.#carry(runner.life, () => door.runner === runner && runner.onRing());
            },
            get connected() {
              return door.runner !== null;
            },
            close: () => this.#world.call(life, [0, 2], () => this.#close(dir, door)),
          };
        }),
    };
  }

  /** A runner's end: connects, and connects again, for as long as the runner lives. */
  runnerEnd(life: Life, dir: string, onRing: () => void): BellEnd {
    let connected: OpenDoor | null = null;
    let pause = FIRST_PAUSE;
    const again = () => {
      connected = null;
      this.#world.time.after(life, pause, connect);
      pause = Math.min(2 * pause, LAST_PAUSE);
    };
    const connect = () => {
      const door = this.#doors.get(dir);
      if (!door?.life.alive) return again();
      const side: RunnerSide = { life, onRing, lost: again };
      door.runner?.lost();
      door.runner = side;
      connected = door;
      pause = FIRST_PAUSE;
      this.#world.time.after(door.life, 1, () => door.runner === side && door.hooks.onBell(true));
      onRing();
    };
    life.onEnd(() => {
      const door = connected;
      if (!door) return;
      door.runner = null;
      this.#world.time.after(door.life, 1, () => this.#isOpen(dir, door) && door.hooks.onBell(false));
    });
    this.#world.time.after(life, this.#world.rng.int(...CONNECT_MS), connect);
    return {
      ring: () => {
        const door = connected;
        if (door) this.#carry(door.life, () => this.#isOpen(dir, door) && door.hooks.onRing());
      },
      upload: (name, content) =>
        new Promise((resolve, reject) => {
          const door = connected;
          if (!door) return reject(new Error("nobody takes it"));
          this.#world.time.after(door.life, this.#world.rng.int(...UPLOAD_MS), () => {
            if (!this.#isOpen(dir, door)) return;
            door.hooks.onFile(name, chunksOf(content)).then(
              (id) => this.#world.time.after(life, 1, () => resolve(id)),
              (error) => this.#world.time.after(life, 1, () => reject(error)),
            );
          });
        }),
    };
  }

  /** Breaks every connection. */
  breakAll(): void {
    for (const [dir, door] of this.#doors) {
      if (door.runner) this.#world.tally.count("a connection to a runner broke");
      this.#drop(dir);
      this.#world.time.after(door.life, 1, () => this.#isOpen(dir, door) && door.hooks.onBell(false));
    }
  }

  #isOpen(dir: string, door: OpenDoor): boolean {
    return this.#doors.get(dir) === door;
  }

  #close(dir: string, door: OpenDoor): void {
    if (!this.#isOpen(dir, door)) return;
    this.#drop(dir);
    this.#doors.delete(dir);
  }

  #drop(dir: string): void {
    const door = this.#doors.get(dir);
    door?.runner?.lost();
    if (door) door.runner = null;
  }

  #carry(to: Life, ring: () => void): void {
    const { rng, time, tally } = this.#world;
    const happens = (what: Met) => {
      if (!rng.chance(this.loss)) return false;
      tally.count(what);
      return true;
    };
    if (happens("a ring was lost")) return;
    time.after(to, rng.int(...(happens("a ring was late") ? LATE_MS : RING_MS)), ring);
    if (happens("a ring came twice")) time.after(to, rng.int(...RING_MS), ring);
  }
}
