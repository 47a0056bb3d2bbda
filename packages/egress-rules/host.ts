/** Hosts and patterns of hosts: an exact name or address, `*.example.org` for all below a name, `*` for every name. */
import { isIP } from "node:net";

export interface HostPattern {
  /** Lower case, without a dot at its end; of `*.example.org` what follows the star and its dot, of `*` nothing. */
  name: string;
  wild: boolean;
}

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** Lower case, without a dot at its end, an IPv6 address without brackets. */
export const normalHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");

/** @returns null where it is no pattern; names beyond ASCII must be in punycode */
export function parseHost(text: string): HostPattern | null {
  const host = normalHost(text);
  if (text === "*") return { name: "", wild: true };
  const wild = host.startsWith("*.");
  const name = wild ? host.slice(2) : host;
  if (isIP(name)) return wild ? null : { name, wild };
  // A last label of digits would make it an address in some notation: none of them is a name.
  if (name.length > 253 || !NAME.test(name) || /(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return null;
  return { name, wild };
}

export const showHost = ({ name, wild }: HostPattern): string => (wild ? (name ? `*.${name}` : "*") : name);

/** @param host in its normal form. A pattern with a star never means an address. */
export function matchesHost({ name, wild }: HostPattern, host: string): boolean {
  if (!wild) return host === name;
  if (isIP(host) || host === "") return false;
  return name === "" || host.endsWith(`.${name}`);
}

/** Above 0 where `one` says more than `other`, for two that match the same host. */
export const compareHosts = (one: HostPattern, other: HostPattern): number => weight(one) - weight(other);

const weight = ({ name, wild }: HostPattern) => (wild ? (name ? name.split(".").length : 0) : Number.MAX_SAFE_INTEGER);
