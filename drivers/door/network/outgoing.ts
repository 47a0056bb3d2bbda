/**
 * What a request looks like on the wire once it is allowed: credentials in their places, and no placeholder left. Pure.
 */
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { EgressVerdict } from "../../../src/gateway/egress.ts";
import { PLACEHOLDER } from "../../../src/vault/placeholder.ts";
import type { Head } from "./head.ts";
import { type Headers, hopByHop } from "./headers.ts";

type Allowed = Extract<EgressVerdict, { allow: true }>;

export interface Outgoing {
  path: string;
  headers: Headers;
  /** What must not come back to the client, in each form in which it went out. */
  secrets: string[];
}

/** Shorter ones are too common to be taken out of answers. */
const MIN_SECRET = 8;
/** What no credential is put into. */
const FRAMING = ["host", "content-length"];

/** Placeholders in a request's first lines, also in Basic credentials and percent-encoded, each once. */
export function placeholdersIn({ path, headers }: Pick<Head, "path" | "headers">): string[] {
  const texts = [
    path,
    decoded(path),
    ...headers.flatMap(([name, value]) => [name.toLowerCase(), value, plainBasic(value)]),
  ];
  return [...new Set(texts.flatMap((text) => text.match(PLACEHOLDER) ?? []))];
}

/** @returns the words for whoever asked, where a placeholder would be left or a credential does not fit */
export function outgoing(head: Head, verdict: Allowed): Outgoing | string {
  const swapped = (text: string, write: (secret: string) => string = (secret) => secret) =>
    text.replace(PLACEHOLDER, (found) =>
      Object.hasOwn(verdict.swap, found) ? write(verdict.swap[found] ?? "") : found,
    );
  const replaced = Object.keys(verdict.set).map((name) => name.toLowerCase());
  const kept = head.headers
    .filter(([name]) => !replaced.includes(name.toLowerCase()))
    .map(([name, value]): [string, string] => [name, swapBasic(swapped(value), swapped)]);
  const headers: Headers = [...kept, ...Object.entries(verdict.set)];
  const path = withQuery(swapped(head.path, encodeURIComponent), verdict.query);
  const secrets = secretsOf(verdict, headers);
  if (placeholdersIn({ path, headers }).length > 0) {
    return "it holds the placeholder of a credential that its rule does not give to this host";
  }
  const misplaced = Object.keys(verdict.set).some(
    (name) => hopByHop(name.toLowerCase()) || FRAMING.includes(name.toLowerCase()),
  );
  if (misplaced || !headers.every(fits) || !/^\/[!"$-~]*$/.test(path))
    return "its credential does not fit into a request";
  if (secrets.length === 0) return { path, headers, secrets };
  // Uncompressed, so that the secret is found where a server repeats it.
  const readable = headers.filter(([name]) => name.toLowerCase() !== "accept-encoding");
  return { path, headers: [...readable, ["accept-encoding", "identity"]], secrets };
}

function fits([name, value]: [string, string]): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

/** The text of Basic credentials; empty for every other value. */
function plainBasic(value: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(value)?.[1];
  return encoded ? Buffer.from(encoded, "base64").toString("utf8") : "";
}

function swapBasic(value: string, swapped: (text: string) => string): string {
  const plain = plainBasic(value);
  const put = swapped(plain);
  return put === plain ? value : `Basic ${Buffer.from(put).toString("base64")}`;
}

function decoded(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}

function withQuery(path: string, query: Record<string, string>): string {
  const names = Object.keys(query);
  if (names.length === 0) return path;
  const at = path.indexOf("?");
  const [plain, given] = at === -1 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
  const nameOf = (part: string) => decoded(part.split("=")[0] ?? "").replaceAll("+", " ");
  const kept = given.split("&").filter((part) => part !== "" && !names.includes(nameOf(part)));
  const put = names.map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(query[name] ?? "")}`);
  return `${plain}?${[...kept, ...put].join("&")}`;
}

function secretsOf({ set, query, swap }: Allowed, headers: Headers): string[] {
  const bare = Object.values(set).flatMap((value) => {
    const basic = plainBasic(value);
    return [value, value.replace(/^\S+ +/, ""), basic, basic.slice(basic.indexOf(":") + 1)];
  });
  const swaps = Object.values(swap);
  const basics = headers.flatMap(([, value]) =>
    swaps.some((secret) => plainBasic(value).includes(secret)) ? [value.replace(/^\S+ +/, "")] : [],
  );
  const plain = [...bare, ...Object.values(query), ...swaps, ...basics];
  const all = [...plain, ...plain.map(encodeURIComponent)].filter((secret) => secret.length >= MIN_SECRET);
  // Longest first: one that holds another is taken out whole.
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}
