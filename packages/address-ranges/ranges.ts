/**
 * Which addresses lie in the public internet. The list is the IANA special-purpose registries (RFC 6890 and what follows
 * it), and everything that is not global unicast. An IPv6 form that carries an IPv4 address is also judged by that one.
 */
import { type Address, parseAddress } from "./address.ts";

const SPECIAL: [range: string, kind: string][] = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private"],
  // A provider's metadata at an address outside the link-local range.
  ["100.100.100.200/32", "metadata"],
  ["100.64.0.0/10", "shared (CGNAT)"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.169.254/32", "metadata"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  // Azure's own services, among them its metadata.
  ["168.63.129.16/32", "metadata"],
  ["192.0.0.0/24", "reserved"],
  ["192.0.2.0/24", "documentation"],
  ["192.31.196.0/24", "reserved (AS112)"],
  ["192.52.193.0/24", "reserved (AMT)"],
  ["192.88.99.0/24", "6to4 relay"],
  ["192.168.0.0/16", "private"],
  ["192.175.48.0/24", "reserved (AS112)"],
  ["198.18.0.0/15", "benchmark"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["255.255.255.255/32", "broadcast"],
  ["240.0.0.0/4", "reserved"],
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["::ffff:0:0/96", "IPv4-mapped"],
  ["::ffff:0:0:0/96", "IPv4-translated"],
  ["::/96", "IPv4-compatible"],
  ["64:ff9b::/96", "NAT64"],
  ["64:ff9b:1::/48", "NAT64"],
  ["100::/64", "discard"],
  ["100:0:0:1::/64", "dummy"],
  ["2001::/32", "Teredo"],
  ["2001:2::/48", "benchmark"],
  ["2001:db8::/32", "documentation"],
  ["2001::/23", "reserved (protocols)"],
  ["2002::/16", "6to4"],
  ["2620:4f:8000::/48", "reserved (AS112)"],
  ["3fff::/20", "documentation"],
  ["5f00::/16", "segment routing"],
  ["fd00:ec2::254/128", "metadata"],
  ["fc00::/7", "unique-local"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "site-local"],
  ["ff00::/8", "multicast"],
];

interface Range extends Address {
  /** How many bits of an address are not looked at. */
  free: bigint;
  kind: string;
}

const RANGES: Range[] = SPECIAL.map(([range, kind]) => {
  const [base = "", bits] = range.split("/");
  const address = parseAddress(base);
  if (!address) throw new Error(`${range} is no range`);
  return { ...address, free: BigInt((address.version === 4 ? 32 : 128) - Number(bits)), kind };
});
/** All that has been given out of IPv6 so far. */
const GLOBAL_UNICAST = 0b001n;

/** @returns what kind of special address it is, in words; null for one of the public internet, "no address" for none at all */
export function specialKind(text: string): string | null {
  const address = parseAddress(text);
  if (!address) return "no address";
  const range = RANGES.find(
    ({ version, value, free }) => version === address.version && address.value >> free === value >> free,
  );
  if (range) return range.kind;
  return address.version === 6 && address.value >> 125n !== GLOBAL_UNICAST ? "not in use" : null;
}
