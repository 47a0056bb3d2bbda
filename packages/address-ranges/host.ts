/** Hosts as they stand in requests: a name or an address, in one way of writing, or nothing. */
import { parseAddress, writeAddress } from "./address.ts";

export interface Host {
  kind: "name" | "address";
  /** Lower case, without a dot at its end; an IPv6 address without brackets. */
  host: string;
}

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * @param text ASCII; an IPv6 address in brackets, as in a URL
 * @returns null for what is neither. Whatever ends in a number is an address or nothing: systems read "0x7f.1",
 * "2130706433" and "0177.0.0.1" as addresses, so none of them may pass as a name.
 */
export function parseHost(text: string): Host | null {
  if (text.startsWith("[")) {
    const address = text.endsWith("]") ? parseAddress(text.slice(1, -1)) : null;
    return address?.version === 6 ? { kind: "address", host: writeAddress(address) } : null;
  }
  const address = parseAddress(text);
  if (address) return address.version === 4 ? { kind: "address", host: text } : null;
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) return null;
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return null;
  return { kind: "name", host: name };
}

export interface Authority extends Host {
  port: number;
}

/** "host:port", as in CONNECT, Host and `:authority`. @param usual the port where none is named; null where one must be */
export function parseAuthority(text: string, usual: number | null): Authority | null {
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text);
  const host = parseHost(parts?.[1] ?? "");
  const port = parts?.[2] === undefined ? usual : Number(parts[2]);
  return host && port !== null && port > 0 && port < 65_536 ? { ...host, port } : null;
}
