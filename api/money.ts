/** Amounts as people read them, for the host's notices and for the command line. */

/** @param micros millionths of a dollar */
export function dollars(micros: number): string {
  if (micros === 0) return "$0.00";
  if (micros < 10_000) return `$${(micros / 1e6).toFixed(4)}`;
  return `$${(micros / 1e6).toFixed(2)}`;
}

/** "950", "12.3k", "4.56M" */
export function tokens(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_950 ? `${(count / 1e3).toFixed(1)}k` : `${(count / 1e6).toFixed(2)}M`;
}
