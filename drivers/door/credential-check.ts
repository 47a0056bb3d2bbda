/** Asks a model's API whether it takes a credential, with the cheapest request there is. */
import type { IncomingMessage } from "node:http";
import type { ErrorClass } from "../../protocol/rows.ts";
import { anthropicBundle } from "../../src/gateway/bundle.ts";
import type { Credential, Upstream } from "../../src/gateway/door.ts";
import { withCredential } from "../../src/gateway/head-rules.ts";
import type { CredentialVerdict } from "../../src/gateway/model-choice.ts";
import { describeFailure } from "./describe-failure.ts";
import { Upstreams } from "./upstream.ts";

/** Longest that the check may take, milliseconds. */
const DEADLINE = 15_000;
const MAX_ANSWER = 65_536;

/** Never rejects, and never repeats the secret. */
export async function checkCredential(
  upstream: Upstream,
  credential: Credential,
  trust: string[] = [],
): Promise<CredentialVerdict> {
  const { secret } = credential;
  const upstreams = new Upstreams(trust);
  try {
    if (!/^[\x21-\x7e]+$/.test(secret))
      return failed("auth", "A credential has no spaces, line breaks or special letters; this one does.");
    const { path, headers, body } = anthropicBundle.check;
    const target = upstreams.to(upstream);
    const all = withCredential(anthropicBundle, { ...headers, "content-type": "application/json" }, credential);
    const request = target.request({ method: "POST", path, headers: all });
    const answer = await new Promise<{ status: number; text: string } | Error>((resolve) => {
      const deadline = AbortSignal.timeout(DEADLINE);
      deadline.addEventListener("abort", () =>
        request.destroy(new Error(`no answer within ${DEADLINE / 1000} seconds`)),
      );
      request.on("error", resolve);
      request.on("response", (response) =>
        textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), resolve),
      );
      request.end(JSON.stringify(body));
    });
    if (!(answer instanceof Error)) return judge(answer.status, answer.text.replaceAll(secret, "[removed]"));
    return failed("unreachable", `${target.host} could not be asked: ${describeFailure(answer)}.`);
  } finally {
    upstreams.close();
  }
}

/** The credential is judged before the request is: any answer about the request itself means that it was taken. */
function judge(status: number, body: string): CredentialVerdict {
  const said = messageIn(body);
  if (status === 401 || status === 403) return failed("auth", `The API refused it: ${said}`);
  if (/credit balance|billing/i.test(said)) return failed("quota", `The API took it, but: ${said}`);
  if (status >= 200 && status < 300) return { ok: true };
  if (status === 400 || status === 404 || status === 429) return { ok: true };
  if (status >= 500) return failed("overload", `The API could not check it now (status ${status}): ${said}`);
  return failed("refused", `The API answered with status ${status}: ${said}`);
}

function failed(kind: ErrorClass, message: string): CredentialVerdict {
  return { ok: false, class: kind, message };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("latin1")) {
    text += chunk;
    if (text.length > MAX_ANSWER) break;
  }
  return Buffer.from(text, "latin1").toString("utf8");
}

function messageIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return error.message.slice(0, 500);
  } catch {
    // Not the API's own words, for example a proxy's page.
  }
  return body.replace(/\s+/g, " ").trim().slice(0, 200) || "(no text)";
}
