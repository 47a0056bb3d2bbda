/** What the conformance suite needs of a platform: a person at one end, what people see at the other, and ways to fail. */

import type { Channel } from "../../../src/channels/channel.ts";
import type { Address } from "../../../src/store/address.ts";

/** How a platform fails for what is sent to it. All but `down` meet one message; `down` lasts until `repair`. */
export type Fault = "down" | "no answer" | "answer lost" | "too fast" | "refused";

export interface Platform {
  /** A channel on this platform that was not started. Opened again it is the same channel after a restart. */
  open(): Channel;
  /** The chat in which the person is, and the agent. */
  address: Address;
  /** It calls the channel, so that nothing tells soon when it is away. */
  silent?: true;
  /** What the person does; no two texts are the same. A platform repeats by itself what was not taken. */
  person: {
    say(text: string): void;
    edit?(text: string, changed: string): void;
    delete?(text: string): void;
    /** Presses the button of a message that the agent sent. @returns what the platform shows then. */
    press?(platformId: string, value: string): Promise<string>;
    /** Says something with a file. */
    attach?(text: string, bytes: Uint8Array): void;
  };
  /** Whether the platform was told that this text is taken, so that it will not come again. */
  taken(text: string): boolean;
  /** What the agent sent to the chat, oldest first. */
  shown(): { platformId: string; text: string }[];
  /** The labels under a message that the agent sent, as people see them; only where there are buttons. */
  buttons?(platformId: string): string[];
  fail?(fault: Fault): void | Promise<void>;
  repair?(): void | Promise<void>;
  close(): void | Promise<void>;
}
