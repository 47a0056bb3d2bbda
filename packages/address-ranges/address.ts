/**
 * IP addresses as numbers. Only the usual notation is one: four decimal numbers without leading zeros, or IPv6 as in
 * RFC 4291 without a zone. What some systems also take (octal, hex, fewer numbers) is no address here, and no name
 * either (see host.ts).
 */

export interface Address {
  version: 4 | 6;
  /** 32 or 128 bits. */
  value: bigint;
}

export function parseAddress(text: string): Address | null {
  const value = text.includes(":") ? parse6(text) : parse4(text);
  return value === null ? null : { version: text.includes(":") ? 6 : 4, value };
}

function parse4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parse6(text: string): bigint | null {
  const ends = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (ends) {
    // The last 32 bits may be written as an IPv4 address.
    const low = parse4(ends[2] ?? "");
    return low === null ? null : parse6(`${ends[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const halves = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], tail] = halves;
  const given = [...head, ...(tail ?? [])];
  if (halves.length > 2 || !given.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  if (tail ? given.length > 7 : given.length !== 8) return null;
  const zeros = Array.from({ length: 8 - given.length }, () => "0");
  return [...head, ...zeros, ...(tail ?? [])].reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n);
}

/** The one way to write it: for IPv6 lower case, without leading zeros, the longest run of zeros left out (RFC 5952). */
export function writeAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const words = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const runs = [
    ...words
      .map((word) => (word === "0" ? "0" : "x"))
      .join("")
      .matchAll(/00+/g),
  ];
  const [longest] = runs.sort((a, b) => b[0].length - a[0].length);
  if (!longest) return words.join(":");
  const end = longest.index + longest[0].length;
  return `${words.slice(0, longest.index).join(":")}::${words.slice(end).join(":")}`;
}
