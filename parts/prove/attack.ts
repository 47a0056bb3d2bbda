/** One attack as data: what is tried, by which code in `container/probe`, which control is to stop it, and how that is judged. */
import type { Control } from "./controls.ts";
import type { World } from "./world.ts";

/** What the attack can be told by: parts of the table that people see. */
export type Wall =
  | "files"
  | "kernel"
  | "identity"
  | "neighbours"
  | "network"
  | "gateway"
  | "mailbox"
  | "secrets"
  | "bombs";

export interface Attack {
  /** Stable; never used for another attack. */
  id: string;
  wall: Wall;
  /** The one that stops it: without it, harm is done. */
  control: Control;
  /** What was tried, in plain words. */
  tried: string;
  /** A program of `container/probe`, and the attack's name in it where that is not the id. */
  program: string;
  name?: string;
  settings?(world: World): Record<string, unknown>;
  /** Milliseconds until it is killed; 15,000. */
  deadline?: number;
  /** Bombs have a container to themselves, and what looks for traces has a second one. */
  scene?: "bombs" | "again";
  /** Judged from the host, after the attack: words for the harm that was done, or null. */
  harm?(world: World): string | null | Promise<string | null>;
  /** Where it can't be tried, it is not in the list. */
  possible?(world: World): boolean;
}

/** A step of the probe that is no attack of its own. */
export type Step = Pick<Attack, "id" | "program" | "name" | "settings" | "scene"> & { silent: true };
