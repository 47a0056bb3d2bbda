/** People: what they said where, and what else must have an end, so that it can be told what became of it. At the terminal they try again until it is taken. */
import { TERMINAL_USER } from "../../../src/channels/terminal.ts";
import type { Address } from "../../../src/store/address.ts";
import type { Machine } from "./machine.ts";
import type { Platform } from "./platform.ts";
import { type Script, scriptText } from "./script.ts";

export interface Said {
  /** The first word of the message. */
  id: string;
  place: Address;
  /** When, in simulated milliseconds. */
  at: number;
  /** The platform's id; null while the terminal did not tell it. */
  platformId: string | null;
  /** How often it was changed since. */
  revision: number;
}

const TRY_AGAIN = 1_000;
export const TERMINAL = "terminal";

export class People {
  readonly said: Said[] = [];
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Something that is not said by anybody is to have its end as well. */
  expect(said: Omit<Said, "revision">): void {
    this.said.push({ ...said, revision: 0 });
  }

  say(place: Address, script: Script, sizes: number[] = []): void {
    const { world } = this.#machine;
    const text = scriptText(script);
    world.trace.add("person", `says in ${place.channel}/${place.chat}: ${text}`);
    const said: Said = { id: script.id, place, at: world.time.now, platformId: null, revision: 0 };
    this.said.push(said);
    const platform = this.#platform(place);
    if (platform)
      said.platformId = platform.say(place.chat, place.thread, text, { files: sizes.map(fileOf(script.id)) });
    else this.#type(said, text);
  }

  /** Changes what was said, or takes it back. */
  amend(place: Address, id: string, script: Script | null): void {
    const said = this.said.find((one) => one.id === id);
    if (!said?.platformId) return;
    const text = script && scriptText(script);
    this.#machine.world.trace.add("person", `${text ? "changes" : "takes back"} ${id}: ${text ?? ""}`);
    said.revision += 1;
    this.#platform(place)?.amend(place.chat, place.thread, said.platformId, said.revision, text);
  }

  /** Stops what runs: by the word, by a draft's button, or in the terminal by its key. */
  stop(place: Address, by: "word" | "button"): void {
    const { stops, world } = this.#machine;
    const platform = this.#platform(place);
    world.trace.add("person", `stops the work in ${place.channel}/${place.chat} by ${by}`);
    if (!platform) this.#interrupt(place);
    else if (by === "word") platform.say(place.chat, place.thread, "/stop");
    else {
      const upTo = stops.latest(place);
      void platform
        .pressStop(place.chat, place.thread)
        .then((answer) => answer?.startsWith("Stop") && stops.done(place, upTo));
    }
  }

  /** Repeats as a person does who is told that it could not be done now. */
  #interrupt(place: Address): void {
    const { world, host, stops } = this.#machine;
    const again = () => {
      world.time.after(world.outside, TRY_AGAIN, () => this.#interrupt(place));
    };
    const { running } = host;
    if (!running?.life.alive) {
      again();
      return;
    }
    const upTo = stops.latest(place);
    const { signal } = new AbortController();
    running.executor
      .execute({ kind: "operator" }, "chat.stop", { chat: place.chat }, signal)
      .then(
        (outcome) => "result" in outcome && (outcome.result as { stopped: boolean }).stopped && stops.done(place, upTo),
        again,
      );
  }

  #platform({ channel }: Address): Platform | undefined {
    return this.#machine.platforms.find(({ id }) => id === channel);
  }

  /** Repeats with the same key, so that it is said once. */
  #type(said: Said, text: string): void {
    const { world, promises, host } = this.#machine;
    if (said.platformId !== null) return;
    world.time.after(world.outside, TRY_AGAIN, () => this.#type(said, text));
    const { running } = host;
    if (!running) return;
    world.time.after(running.life, 1, () => {
      running.terminal.say(said.place.chat, TERMINAL_USER, text, said.id).then(
        ({ n, acceptance }) => {
          said.platformId = String(n);
          promises.acknowledged(said.place, said.platformId, acceptance);
        },
        () => {},
      );
    });
  }
}

const fileOf = (id: string) => (size: number, index: number) => ({
  ...{ name: `picture-${index}.png`, type: "image/png", size },
  ref: `${id}-${index}`,
});
