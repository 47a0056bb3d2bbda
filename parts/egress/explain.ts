/** Why a request is let through, held or refused, in words: for people, and for the agent that wants to know how to ask. */
import { type Decision, type Request, type RuleSet, ruleSet } from "../../packages/egress-rules/index.ts";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import { type Bundle, bundles, rulesOf, usualPort } from "./bundles.ts";
import { fromOf, hostOf } from "./reach.ts";
import type { EgressRule } from "./rules.ts";

/** Longest part of an address that is repeated, characters. */
const MOST = 300;

export function explain(set: RuleSet<EgressRule>, folder: string, url: string, method: string) {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const scheme = protocol === "http:" ? "http" : "https";
  const to = { scheme, host: hostname, port: port ? Number(port) : usualPort(scheme) } as const;
  const request: Request = { ...to, method, path: `${pathname}${search}` };
  const told = `${method} ${addressOf(request)}`;
  const tunnel = scheme === "https" ? set.tunnel(to.host, to.port) : null;
  if (tunnel)
    return {
      request: told,
      decision: "passed on unread" as const,
      why: `${fromOf(tunnel)} makes a tunnel to ${hostOf(tunnel)}`,
    };
  const decision = set.decide(request);
  const verdict = ({ allow: "allowed", ask: "asked about", deny: "denied" } as const)[decision.do];
  return { request: told, decision: verdict, why: whyOf(decision, folder, request) };
}

function whyOf(decision: Decision<EgressRule>, folder: string, request: Request): string {
  if (decision.do === "deny") return `${reasonOf(decision)}. ${adviceFor(decision, folder, request)}`;
  const { rule } = decision;
  const key = rule.credential === null ? "" : `, with the key ${rule.credential}`;
  return `${fromOf(rule)} (${rule.methods.join()} ${hostOf(rule)}${rule.path}) ${decision.do === "allow" ? "allows it" : "says to ask"}${key}`;
}

const reasonOf = (decision: Decision<EgressRule> & { do: "deny" }) =>
  decision.rule ? `${fromOf(decision.rule)} denies it` : decision.why;

/** @returns what an agent reads instead of an answer */
export function refusal(decision: Decision<EgressRule> & { do: "deny" }, folder: string, request: Request): string {
  return `NanoClaw refused ${request.method} ${addressOf(request)}: ${reasonOf(decision)}. ${adviceFor(decision, folder, request)}`;
}

function adviceFor(decision: Decision<EgressRule> & { do: "deny" }, folder: string, request: Request): string {
  if (decision.rule) return `\`ncl reach ${folder}\` shows all of them; only the owner can change that.`;
  if (/path/.test(decision.why)) return "Write its address plainly.";
  const bundle = bundles.find((one) => isMadeFor(one, request));
  if (bundle)
    return `Where it is needed, ask the owner for \`ncl rules grant ${folder} ${bundle.name}\` (${bundle.title}).`;
  const scheme = request.scheme === "http" ? " --scheme http" : "";
  const port = request.port === usualPort(request.scheme) ? "" : ` --port ${request.port}`;
  const method = request.method === "GET" ? " --method GET,HEAD" : ` --method ${request.method}`;
  return `Where it is needed, ask the owner for \`ncl rules allow ${folder} ${request.host.slice(0, MOST)}${port}${scheme}${method}\`.`;
}

/** Without what follows a question mark, which may hold anything. */
export const addressOf = ({ scheme, host, port, path }: Request, most = MOST): string =>
  `${scheme}://${hostOf({ scheme, host, port }).replace(/^http:\/\//, "")}${path.split("?", 1)[0] ?? ""}`.slice(
    0,
    most,
  );

/** Whether a bundle names this very host, and lets the request through. */
function isMadeFor(bundle: Bundle, request: Request): boolean {
  if (!bundle.rules.some(({ hosts }) => hosts.includes(request.host))) return false;
  const rules = rulesOf(bundle, "" as AgentGroupId).map((rule, id) => ({ ...rule, id }));
  return ruleSet(rules).decide(request).do === "allow";
}
