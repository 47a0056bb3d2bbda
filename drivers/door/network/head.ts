/**
 * A request's first lines: what they ask for, in one reading, or why they are refused. Pure. Whatever two programs could
 * read in two ways is refused here, whether or not the parser before would have let it through.
 */
import { METHODS } from "node:http";
import { parseAuthority } from "../../../packages/address-ranges/host.ts";
import type { Destination } from "../../../src/gateway/egress.ts";
import { type Headers, hopByHop, valuesOf } from "./headers.ts";

export interface Place extends Destination {
  scheme: "https" | "http";
}

export type Framing = { kind: "none" } | { kind: "length"; bytes: number } | { kind: "unknown" };

export interface Head {
  to: Place;
  method: string;
  /** Path and query. */
  path: string;
  /** Without what belongs to this connection only, and without Host and the body's framing. */
  headers: Headers;
  body: Framing;
}

export interface BadHead {
  status: number;
  why: string;
}

export interface RawHead {
  method: string;
  /** As it stands in the request line, or `:path`. */
  target: string;
  headers: Headers;
  /** "1.0", "1.1" or "2.0". */
  version: string;
  /** Whether a body can follow, where no header tells: on HTTP/2 the stream says it. */
  open: boolean;
}

const DEFAULT_PORTS = { http: 80, https: 443 };
/** TRACE shows a server's client what it never saw: the credentials that were put in on the way. */
const REFUSED_METHODS = ["CONNECT", "TRACE"];
/** A header that a client may not have taken off by naming it in Connection. */
const NOT_HOP_BY_HOP = ["host", "content-length", "transfer-encoding", ":authority"];
/** Told apart from the other headers, or dealt with here. */
const ELSEWHERE = ["host", "expect", "content-length"];
const PATH = /^\/[!"$-~]*$/;

export function isBad(head: Head | BadHead): head is BadHead {
  return "status" in head;
}

/** @param inside where the tunnel leads that it came through; null for a plain request to the proxy, in absolute form */
export function readHead(raw: RawHead, inside: Place | null): Head | BadHead {
  const bad = (why: string, status = 400): BadHead => ({ status, why });
  if (!["1.0", "1.1", "2.0"].includes(raw.version)) return bad("it is not HTTP/1.1 or HTTP/2", 505);
  if (!METHODS.includes(raw.method) || REFUSED_METHODS.includes(raw.method)) {
    return bad(`the method ${raw.method.replace(/[^A-Za-z-]/g, "?").slice(0, 20)} does not pass`, 405);
  }
  const target = inside ? { to: inside, path: raw.target } : absoluteForm(raw.target);
  if (!target) return bad("this is a proxy for http:// in absolute form, and for https:// by CONNECT");
  const { to, path } = target;
  if (!PATH.test(path)) return bad("its path is not a path, or holds letters that have to be encoded");
  if (hasDotSegments(path)) return bad("its path has dot segments, which servers read in different ways");
  const host = hostProblem(raw, to);
  if (host) return host;
  const named = connectionNames(raw.headers);
  if (named.some((name) => NOT_HOP_BY_HOP.includes(name))) return bad("its Connection header names what it may not");
  const body = framing(raw);
  if ("status" in body) return body;
  const headers = raw.headers.filter(([name, value]) => {
    const lower = name.toLowerCase();
    // gRPC's servers want to see that their client takes trailers.
    if (lower === "te") return raw.version === "2.0" && value === "trailers";
    return !lower.startsWith(":") && !hopByHop(lower) && !ELSEWHERE.includes(lower) && !named.includes(lower);
  });
  return { to, method: raw.method, path, headers, body };
}

function absoluteForm(target: string): { to: Place; path: string } | null {
  const parts = /^http:\/\/([^/?#]*)(.*)$/i.exec(target);
  const authority = parseAuthority(parts?.[1] ?? "", DEFAULT_PORTS.http);
  if (!parts || !authority) return null;
  const rest = parts[2] ?? "";
  const { host, port } = authority;
  return { to: { scheme: "http", host, port }, path: rest.startsWith("/") ? rest : `/${rest}` };
}

/** Also encoded ones, and those that a server would make of backslashes: a rule about paths must mean what it says. */
function hasDotSegments(path: string): boolean {
  const [plain = ""] = path.split("?");
  return plain
    .replace(/%2e/gi, ".")
    .split(/\/|\\|%2f|%5c/i)
    .some((segment) => segment === "." || segment === "..");
}

function hostProblem(raw: RawHead, to: Place): BadHead | null {
  const hosts = valuesOf(raw.headers, "host");
  const authorities = valuesOf(raw.headers, ":authority");
  const given = [...hosts, ...authorities];
  if (hosts.length > 1 || authorities.length > 1) return { status: 400, why: "it has more than one Host header" };
  if (given.length === 0 && raw.version !== "1.0") return { status: 400, why: "it has no Host header" };
  const differs = given.some((text) => {
    const named = parseAuthority(text, DEFAULT_PORTS[to.scheme]);
    return named?.host !== to.host || named.port !== to.port;
  });
  return differs ? { status: 421, why: `its Host header is not ${to.host}, where its connection leads` } : null;
}

function connectionNames(headers: Headers): string[] {
  return valuesOf(headers, "connection").flatMap((value) => value.split(",").map((name) => name.trim().toLowerCase()));
}

function framing(raw: RawHead): Framing | BadHead {
  const lengths = valuesOf(raw.headers, "content-length");
  const encodings = valuesOf(raw.headers, "transfer-encoding");
  if (lengths.length > 1) return { status: 400, why: "it has more than one Content-Length" };
  if (encodings.length > 0) {
    if (lengths.length > 0) return { status: 400, why: "it has both a Content-Length and a Transfer-Encoding" };
    if (raw.version !== "1.1") return { status: 400, why: `HTTP/${raw.version} has no Transfer-Encoding` };
    if (encodings.length > 1 || encodings[0]?.toLowerCase() !== "chunked") {
      return { status: 501, why: "its Transfer-Encoding is not just chunked" };
    }
    return { kind: "unknown" };
  }
  const [length] = lengths;
  if (length === undefined) return raw.open ? { kind: "unknown" } : { kind: "none" };
  if (!/^\d{1,15}$/.test(length)) return { status: 400, why: "its Content-Length is no number" };
  return { kind: "length", bytes: Number(length) };
}
