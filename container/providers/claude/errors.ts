/** Sorts the agent SDK's ways of failing into classes by who must act, and takes its advice for developers away. */
import type { ErrorClass } from "../../../protocol/rows.ts";

export interface Failure {
  class: ErrorClass;
  message: string;
}

/** What is known about a failed model request. */
export interface Symptoms {
  /** HTTP status of the model's API; null where there was no answer. */
  status: number | null;
  /** The SDK's word for it (`SDKAssistantMessageError`), its reason to end the turn, or "". */
  kind: string;
  text: string;
}

export function classify({ status, kind, text }: Symptoms): Failure {
  return {
    class: classOf(status, kind, text),
    message: plain(text) || `the model's API answered ${status ?? "nothing"}`,
  };
}

function classOf(status: number | null, kind: string, text: string): ErrorClass {
  if (status === 413 || kind === "prompt_too_long" || /prompt is too long|exceed.{0,20}context/i.test(text))
    return "context";
  if (status === 402 || kind === "billing_error" || /credit balance/i.test(text)) return "quota";
  if (/the NanoClaw gateway refused/i.test(text)) return status === 429 ? "overload" : "refused";
  if (status === 401 || status === 403) return "auth";
  if (status === 529 || kind === "overloaded" || /overloaded/i.test(text)) return "overload";
  if (status === 429 || kind === "rate_limit") return "quota";
  if (status === 502 || status === 504 || status === 408) return "unreachable";
  if (status !== null) return status >= 500 ? "overload" : "refused";
  if (kind === "refusal" || kind === "invalid_request") return "refused";
  if (/connect|ECONN|EPIPE|timed out|network|socket|malformed|stream|JSON Parse/i.test(text)) return "unreachable";
  return "bug";
}

/** The first lines of what the SDK says are the cause; what follows is advice to somebody at a terminal. */
function plain(text: string): string {
  return text
    .replace(/^(Failed to authenticate\. )?(API Error: )?/, "")
    .replace(
      / (·|—) (Fix external API key|Please run|check for a proxy|a firewall or proxy|the request is ~)[\s\S]*?(?=\(E[A-Z]+\)|$)/,
      " ",
    )
    .replace(/\.? (This is a server-side issue|If the API is slow|Start a new session|Learn more)[\s\S]*$/, "")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 500);
}
