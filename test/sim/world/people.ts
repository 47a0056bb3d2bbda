/** People: what they said where, and what else must have an end, so that it can be told what became of it. At the terminal they try again until it is taken. */
import { TERMINAL_USER } from "../../../src/channels/terminal.ts";
import type { SessionId } from "../../../src/lib/ids.ts";
import type { Address } from "../../../src/store/address.ts";
import type { Machine } from "./machine.ts";
import { type Script, scriptText } from "./script.ts";

export interface Said {
  /** The first word of the message. */
  id: string;
  place: Address;
  /** When, in simulated milliseconds. */
  at: number;
  /** The platform's id; null while the terminal did not tell it. */
  platformId: string | null;
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
  expect(said: Said): void {
    this.said.push(said);
  }

  say(place: Address, script: Script): void {
    const { world, platforms } = this.#machine;
    const text = scriptText(script);
    world.trace.add("person", `says in ${place.channel}/${place.chat}: ${text}`);
    const said: Said = { id: script.id, place, at: world.time.now, platformId: null };
    this.said.push(said);
    const platform = platforms.find(({ id }) => id === place.channel);
    if (platform) said.platformId = platform.say(place.chat, place.thread, text);
    else this.#type(said, text);
  }

  /** Stops the running turn, as the terminal does. */
  stop(place: Address): void {
    const running = this.#machine.host.running;
    const session = this.#machine.look<{ id: SessionId }>(
      "SELECT id FROM sessions WHERE channel=? AND chat=?",
      ...[place.channel, place.chat],
    )[0];
    if (running && session) running.path.supervisor.stopTurn(session.id);
  }

  /** Repeats with the same key, so that it is said once. */
  #type(said: Said, text: string): void {
    const { world, promises, host } = this.#machine;
    if (said.platformId !== null) return;
    world.time.after(world.outside, TRY_AGAIN, () => this.#type(said, text));
    const { running } = host;
    if (!running) return;
    world.time.after(running.life, 1, () => {
      running.path.terminal.say(said.place.chat, TERMINAL_USER, text, said.id).then(
        ({ n, acceptance }) => {
          said.platformId = String(n);
          promises.acknowledged(said.place, said.platformId, acceptance);
        },
        () => {},
      );
    });
  }
}
