/**
 * Connections to where models are. TLS is checked against Node's own roots and the system's store; plain HTTP is for
 * this machine only. The gateway resolves names, never the container.
 */
import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import type { Upstream } from "../../src/gateway/door.ts";
import { isModelAddress } from "../../src/gateway/model-choice.ts";
import { Misuse } from "../../src/lib/errors.ts";

export interface Target {
  /** For people and the audit log: the host, or "the local model". */
  host: string;
  /** Path before every request's path; may be empty. */
  prefix: string;
  request(options: { method: string; path: string; headers: http.OutgoingHttpHeaders }): http.ClientRequest;
}

/** Connections that wait for the next request, per target. */
const SPARE = 16;

/** Keeps connections open between requests, one pool for each address. */
export class Upstreams {
  readonly #targets = new Map<string, Target & { agent: http.Agent }>();
  readonly #trust: string[];
  #secureContext: tls.SecureContext | null = null;

  /** @param trust certificates that are trusted beside the usual ones, as PEM */
  constructor(trust: string[] = []) {
    this.#trust = trust;
  }

  /** @throws Misuse for an address that can't be a model's */
  to({ address }: Pick<Upstream, "address">): Target {
    const known = this.#targets.get(address);
    if (known) return known;
    if (!isModelAddress(address)) {
      throw new Misuse(
        `"${address}" can't be the model's address`,
        "Use https://…, or http:// on this machine's loopback.",
      );
    }
    const target = address.startsWith("unix:")
      ? socketTarget(address.slice("unix:".length))
      : this.#urlTarget(new URL(address));
    this.#targets.set(address, target);
    return target;
  }

  close(): void {
    for (const { agent } of this.#targets.values()) agent.destroy();
    this.#targets.clear();
  }

  #urlTarget(url: URL): Target & { agent: http.Agent } {
    const options = { keepAlive: true, maxFreeSockets: SPARE };
    const secure = url.protocol === "https:";
    const agent = secure ? new https.Agent({ ...options, secureContext: this.#trusted() }) : new http.Agent(options);
    const { hostname, port } = url;
    const prefix = url.pathname.replace(/\/$/, "");
    return {
      agent,
      host: url.host,
      prefix,
      // Bare: an IPv6 address stands in brackets in a URL only.
      request: ({ path, ...rest }) =>
        (secure ? https : http).request({
          ...rest,
          path: prefix + path,
          agent,
          port,
          hostname: hostname.replace(/^\[|\]$/g, ""),
        }),
    };
  }

  /** Reading the system's store takes some 50 ms, so it happens once. */
  #trusted(): tls.SecureContext {
    const roots = [...tls.getCACertificates("default"), ...tls.getCACertificates("system"), ...this.#trust];
    this.#secureContext ??= tls.createSecureContext({ ca: [...new Set(roots)] });
    return this.#secureContext;
  }
}

function socketTarget(socketPath: string): Target & { agent: http.Agent } {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: SPARE });
  return {
    agent,
    host: "the local model",
    prefix: "",
    request: ({ headers, ...rest }) =>
      http.request({ ...rest, agent, socketPath, headers: { ...headers, host: "localhost" } }),
  };
}
