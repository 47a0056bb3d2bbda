/** When to try again, as a pure function. */

const FIRST = 1_000;
const MOST = 5 * 60_000;
/** After this many tries a message is given up: with the pauses below, after about forty minutes. */
export const MAX_TRIES = 14;

/**
 * @param tries how often it was tried already, at least 1
 * @param after what the platform asked for, milliseconds, or null
 * @param fraction a random number from 0 to 1, so that many messages don't come back at the same moment
 * @returns whole milliseconds to wait
 */
export function backoff(tries: number, after: number | null, fraction: number): number {
  const grown = Math.min(MOST, FIRST * 2 ** (tries - 1));
  const jittered = grown / 2 + (grown / 2) * fraction;
  return Math.ceil(Math.max(jittered, after ?? 0));
}
