/** What all parts of a simulated machine share: time, randomness, the trace, the disk, and whether faults still happen. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Life } from "../base/life.ts";
import { Rng } from "../base/rng.ts";
import { Tally } from "../base/tally.ts";
import { Timeline } from "../base/timeline.ts";
import { Trace } from "../base/trace.ts";

/** Where simulated machines keep their files: in memory, where the system has that. */
const SHELVES = ["/dev/shm", tmpdir()];
/** 1 January 2026. */
const BEGINNING = Date.UTC(2026, 0, 1);

/** A promise to the user that was broken, by its name. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly promise: string;
  constructor(promise: string, detail: string) {
    super(detail);
    this.promise = promise;
  }
}

export class World {
  readonly rng: Rng;
  readonly time: Timeline;
  readonly trace: Trace;
  readonly tally = new Tally();
  readonly dir: string;
  /** What is neither host nor container, and never dies. */
  readonly outside: Life;
  /** The first promise that was broken. */
  violation: Violation | null = null;
  /** Faults have ceased: from now on everything works. */
  calm = false;
  /** How far the clock on the wall was set, in milliseconds. */
  #set = 0;
  /** How far it was set back, all together. */
  setBack = 0;

  constructor(seed: string, show: ((line: string) => void) | null) {
    this.rng = new Rng(seed);
    this.time = new Timeline(this.rng.fork("order"));
    this.dir = makeDir();
    this.trace = new Trace({ now: () => this.time.now, hide: this.dir, show });
    this.outside = new Life("outside", (error) => {
      throw error;
    });
  }

  /** The time on the wall, milliseconds since the epoch. */
  wall(): number {
    return BEGINNING + this.time.now + this.#set;
  }

  setClock(by: number): void {
    this.tally.count(by < 0 ? "the clock was set back" : "the clock was set forward");
    this.#set += by;
    if (by < 0) this.setBack -= by;
  }

  broken(promise: string, detail: string): void {
    if (this.violation) return;
    this.trace.add("BROKEN", `${promise}: ${detail}`);
    this.violation = new Violation(promise, detail);
  }

  /**
   * A call to something outside the caller's process: asked, carried out there, answered, each a while later. What was
   * asked is carried out although the caller dies; then nobody hears the answer.
   * @param ms how long each of the two ways takes, from and to
   */
  call<T>(life: Life, ms: [number, number], effect: () => T): Promise<T> {
    life.point();
    return new Promise((resolve, reject) => {
      const way = () => this.rng.int(...ms);
      this.time.after(this.outside, way(), () => {
        const outcome = attempt(effect);
        this.time.after(life, way(), () => {
          life.point();
          if (outcome.ok) resolve(outcome.value);
          else reject(outcome.error);
        });
      });
    });
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function attempt<T>(effect: () => T): { ok: true; value: T } | { ok: false; error: unknown } {
  try {
    return { ok: true, value: effect() };
  } catch (error) {
    return { ok: false, error };
  }
}

function makeDir(): string {
  for (const shelf of SHELVES) {
    try {
      const dir = mkdtempSync(join(shelf, "nanoclaw-sim-"));
      mkdirSync(join(dir, "groups"), { recursive: true });
      return dir;
    } catch {
      // The next one.
    }
  }
  throw new Error(`no folder for a simulated machine can be made in ${SHELVES.join(" or ")}`);
}
