/** Watches a life from outside: the host's memory, and that no session ever has two containers. */
import { readFileSync } from "node:fs";
import type { Containers } from "../crash/containers.ts";

/** Between two looks, milliseconds. */
const INTERVAL = 2_000;

export interface Sample {
  /** Resident memory. */
  megabytes: number;
}

export class Watch {
  readonly #containers: Containers;
  readonly #doubled = new Set<string>();
  readonly samples: Sample[] = [];
  #pid = 0;
  #timer: NodeJS.Timeout | null;
  #look: Promise<void> = Promise.resolve();

  constructor(containers: Containers) {
    this.#containers = containers;
    this.#timer = setInterval(() => {
      this.#look = this.#look.then(() => this.#lookAround());
    }, INTERVAL);
  }

  /** Whether memory is watched already. */
  get on(): boolean {
    return this.#pid > 0;
  }

  /** From now on the memory of this process is noted too. */
  begin(pid: number): void {
    this.#pid = pid;
  }

  /** @returns sessions that had two containers at a time. Safe to repeat. */
  async end(): Promise<string[]> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.#look;
    return [...this.#doubled];
  }

  async #lookAround(): Promise<void> {
    if (this.on) this.samples.push({ megabytes: resident(this.#pid) });
    const running = (await this.#containers.list()).filter(({ state }) => state === "running");
    for (const { session, id } of running) {
      if (running.some((other) => other.session === session && other.id !== id)) this.#doubled.add(session);
    }
  }
}

function resident(pid: number): number {
  const kB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kB ?? 0) / 1024;
}

/** How much the median of the last third is above that of the first, MB; 0 for too few samples. */
export function grownBy(samples: Sample[]): number {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return 0;
  const median = (some: Sample[]) => some.map(({ megabytes }) => megabytes).sort((a, b) => a - b)[third >> 1] ?? 0;
  return median(samples.slice(-third)) - median(samples.slice(0, third));
}
