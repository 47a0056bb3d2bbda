/** Identifiers, and randomness as a port so that a simulation can replay it. */
import { randomBytes } from "node:crypto";

export interface Random {
  /** `length` lower-case letters and digits, 5 bits of randomness each. */
  token(length: number): string;
  /** A number from 0 up to, not including, 1. */
  fraction(): number;
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

export const systemRandom: Random = {
  token: (length) => Array.from(randomBytes(length), (byte) => ALPHABET[byte & 31]).join(""),
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type SessionId = Branded<"session">;
export type AgentGroupId = Branded<"agent group">;
export type MessagingGroupId = Branded<"messaging group">;
/** `channel:handle`, as the channel confirmed it. */
export type UserId = Branded<"user">;

export const newSessionId = (random: Random) => `s-${random.token(10)}` as SessionId;
export const newAgentGroupId = (random: Random) => `a-${random.token(10)}` as AgentGroupId;
export const newMessagingGroupId = (random: Random) => `m-${random.token(10)}` as MessagingGroupId;
