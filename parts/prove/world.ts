/** What an attack and its judgement may know of the surroundings. */
import type { SandboxSpec } from "../../src/sandbox/sandbox.ts";
import type { Mail } from "./mail.ts";
import type { Scratch } from "./scratch.ts";
import type { Watch } from "./watch.ts";

export interface World {
  spec: SandboxSpec;
  /** The user that the container runs as. */
  uid: number;
  /** The host runs as root, so it can make files of other users. */
  isRoot: boolean;
  scratch: Scratch;
  watch: Watch;
  mail: Mail;
}
