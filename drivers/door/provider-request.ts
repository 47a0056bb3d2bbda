/** Asks a sign-in provider's token endpoint, by the host's own HTTPS. Nothing of the answer is kept or logged here. */
import type { RefreshRequest } from "../../packages/http-credentials/refresh.ts";
import { describeFailure } from "./describe-failure.ts";
import { Upstreams } from "./upstream.ts";

/** Longest that an answer may take, milliseconds. */
const DEADLINE = 20_000;
const MAX_ANSWER = 65_536;

/**
 * @param trust certificates that are trusted beside the usual ones, as PEM
 * @returns a function that rejects, in words for people, where there is no whole answer
 */
export function providerRequest(
  trust: string[] = [],
  deadline = DEADLINE,
): (request: RefreshRequest) => Promise<{ status: number; body: string }> {
  const upstreams = new Upstreams(trust);
  return ({ url, headers, body }) => {
    const { origin, pathname, search, host } = new URL(url);
    const request = upstreams.to({ address: origin }).request({
      method: "POST",
      path: pathname + search,
      // Asked once an hour: a connection is not kept for that.
      headers: { ...headers, "content-length": Buffer.byteLength(body), connection: "close" },
    });
    const late = AbortSignal.timeout(deadline);
    late.addEventListener("abort", () => request.destroy(new Error(`no answer within ${deadline / 1000} seconds`)));
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(new Error(`${host}: ${describeFailure(error)}`));
      request.on("error", failed);
      request.on("response", (response) => {
        bounded(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), failed);
      });
      request.end(body);
    });
  };
}

async function bounded(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Error(`its answer is larger than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
