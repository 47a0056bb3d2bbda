/**
 * The rules about a request's first lines. Pure. Everything is refused that a bundle does not name; credentials that the
 * client sent are not forwarded, because only named headers are.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isListed } from "../../packages/body-rules/names.ts";
import { MODEL_PREFIX } from "../../protocol/session-socket.ts";
import type { ModelBundle } from "./bundle.ts";
import type { Credential } from "./door.ts";

/** Why a request goes no further. */
export interface Refusal {
  status: number;
  type: string;
  why: string;
}

export interface Head {
  method: string;
  /** The request target as it stands in the request line. */
  target: string;
  headers: IncomingHttpHeaders;
}

export type HeadVerdict =
  | { allow: true; bundle: ModelBundle; path: string; billed: boolean; headers: Record<string, string> }
  | ({ allow: false } & Refusal);

export function decideModelRequest(bundles: readonly ModelBundle[], head: Head): HeadVerdict {
  const bundle = bundles.find(({ name }) => head.target.startsWith(`${MODEL_PREFIX}${name}/`));
  if (!bundle)
    return refuse(403, `only requests below ${bundles.map(({ name }) => MODEL_PREFIX + name).join(", ")} pass`);
  const path = head.target.slice(MODEL_PREFIX.length + bundle.name.length);
  // Compared as it stands, never decoded: what passes is exactly what the bundle names.
  const [plain = "", ...queries] = path.split("?");
  const named = bundle.requests.find((request) => request.method === head.method && request.path === plain);
  if (!named || !bundle.queries.includes(queries.join("?"))) {
    const list = bundle.requests.map((request) => `${request.method} ${request.path}`).join(" and ");
    return refuse(403, `of ${bundle.title} only ${list} pass (rule ${bundle.name}.requests)`);
  }
  if (head.headers["content-encoding"]) return refuse(415, "the body is encoded, so it can't be inspected");
  if (Number(head.headers["content-length"] ?? 0) > bundle.maxBodyBytes) {
    const why = `its body is larger than ${bundle.maxBodyBytes} bytes`;
    return { allow: false, status: 413, type: "request_too_large", why };
  }
  return { allow: true, bundle, path, billed: named.billed, headers: forwarded(bundle, head.headers) };
}

/** The headers with the credential in its place. @param credential null for an upstream that needs none */
export function withCredential(
  bundle: ModelBundle,
  headers: Record<string, string>,
  credential: Credential | null,
): Record<string, string> {
  if (!credential) return headers;
  const { header, prefix, add } = bundle.credentials[credential.kind];
  const joined = Object.entries(add).map(([name, value]) => [
    name,
    headers[name] ? `${headers[name]},${value}` : value,
  ]);
  return { ...headers, ...Object.fromEntries(joined), [header]: prefix + credential.secret };
}

function refuse(status: number, why: string): HeadVerdict {
  return { allow: false, status, type: "permission_error", why };
}

function forwarded(bundle: ModelBundle, headers: IncomingHttpHeaders): Record<string, string> {
  const passed = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" && isListed(bundle.requestHeaders, name) ? [[name, value] as const] : [],
  );
  // Uncompressed, so that the usage can be read as it passes.
  return { ...Object.fromEntries(passed), "accept-encoding": "identity" };
}
