/** HTTP to the engine over its Unix socket: one connection a call, every answer bounded in size and in time. */
import { request } from "node:http";
import { join } from "node:path";
import { EngineError, Retryable } from "../../src/lib/errors.ts";

export interface Call {
  method: "GET" | "POST" | "DELETE";
  /** With the query, without the API version. */
  path: string;
  body?: unknown;
  /** Milliseconds until the call is given up; null where the answer may take for ever. */
  deadline: number | null;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  body: Buffer;
}

const MAX_ANSWER_BYTES = 4_000_000;

/**
 * Where the engine listens: `DOCKER_HOST` where it names a Unix socket, else the system's engine. Contexts of the docker
 * command are not read.
 * @throws EngineError where DOCKER_HOST names an engine that is not on this machine.
 */
export function engineSocket(env: NodeJS.ProcessEnv = process.env): string {
  const host = env.DOCKER_HOST;
  if (!host) return "/var/run/docker.sock";
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  throw new EngineError(
    `DOCKER_HOST is ${host}, which is no Unix socket`,
    `A session's socket can only be mounted by an engine on this machine: unset DOCKER_HOST, or for a rootless engine set it to unix://${join(env.XDG_RUNTIME_DIR ?? "/run/user/1000", "docker.sock")}.`,
  );
}

/** Makes one call. @throws EngineError where nobody answers on the socket, Retryable where the answer was lost or late. */
export async function call(socketPath: string, { method, path, body, deadline, signal }: Call): Promise<Answer> {
  const late = deadline === null ? null : AbortSignal.timeout(deadline);
  const stops = [late, signal].filter((one) => one != null);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const text = body === undefined ? null : JSON.stringify(body);
  const outgoing = request(
    {
      socketPath,
      method,
      path,
      agent: false,
      signal: AbortSignal.any(stops),
      headers: {
        host: "engine",
        ...(text !== null && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      },
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
        else incoming.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
      incoming.on("error", reject);
    },
  );
  outgoing.on("error", reject);
  outgoing.end(text);
  return promise.catch((error: NodeJS.ErrnoException) => {
    throw unreachable(error, socketPath, late?.aborted ? deadline : null);
  });
}

function unreachable(error: NodeJS.ErrnoException, socketPath: string, late: number | null): Error {
  if (late !== null) return new Retryable(`the container engine did not answer within ${late / 1000} s`);
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new EngineError(
        `no container engine answers on ${socketPath}`,
        "Start it: `sudo systemctl start docker`, or `sudo service docker start`. If it is not installed: `bash nanoclaw.sh`.",
      );
    case "EACCES":
    case "EPERM":
      return new EngineError(
        `this user may not use the container engine on ${socketPath}`,
        'Join its group with `sudo usermod -aG docker "$USER"`, then log in again (or start from `newgrp docker`).',
      );
    default:
      return new Retryable(`the connection to the container engine broke: ${error.message}`);
  }
}
