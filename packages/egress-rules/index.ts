/**
 * Rules about requests that leave, and the decision: the rule that says most about a request wins, by its host, then its
 * path, then its methods; where several say as much, deny, then allow, then ask. What no rule names is denied.
 */
import { compareHosts, type HostPattern, matchesHost, normalHost, parseHost } from "./host.ts";
import { comparePaths, matchesPath, type PathPattern, parsePath, type Reading, readPath } from "./path.ts";
import type { Action, Rule, Scheme } from "./rule.ts";

export { checkRule, NoRule } from "./check.ts";
export { readPath } from "./path.ts";
export type { Rule } from "./rule.ts";

export interface Request {
  host: string;
  port: number;
  scheme: Scheme;
  method: string;
  /** Path and query, as the client wrote them. */
  path: string;
}

export type Decision<R extends Rule> =
  | { do: "allow" | "ask"; rule: R }
  /** @property rule null where no rule is about it */
  | { do: "deny"; rule: R | null; why: string };

export interface RuleSet<R extends Rule> {
  readonly rules: readonly R[];
  decide(request: Request): Decision<R>;
  /** The rule by which a connection is passed on unread; null where its requests are looked at. */
  tunnel(host: string, port: number): R | null;
}

interface Compiled<R extends Rule> {
  rule: R;
  host: HostPattern;
  path: PathPattern;
}

/** @throws Error for rules that `checkRule` would refuse */
export function ruleSet<R extends Rule>(rules: readonly R[]): RuleSet<R> {
  const compiled = rules.map((rule) => {
    const host = parseHost(rule.host);
    const path = parsePath(rule.path);
    if (!host || !path) throw new Error(`rule ${rule.id} can't be read: ${rule.host} ${rule.path}`);
    return { rule, host, path };
  });
  return {
    rules,
    decide: (request) => decide(compiled, request),
    tunnel: (host, port) => tunnel(compiled, normalHost(host), port),
  };
}

function decide<R extends Rule>(all: Compiled<R>[], request: Request): Decision<R> {
  const host = normalHost(request.host);
  const method = request.method.toUpperCase();
  const about = all.filter(
    ({ rule, host: pattern }) =>
      rule.action !== "tunnel" &&
      rule.port === request.port &&
      rule.scheme === request.scheme &&
      (rule.methods.includes("*") || rule.methods.includes(method)) &&
      matchesHost(pattern, host),
  );
  const path = readPath(request.path);
  if ("why" in path) return { do: "deny", rule: null, why: path.why };
  const decisions = path.readings.map((reading) => forReading(about, reading));
  const denied = decisions.find((decision) => decision.do === "deny");
  if (denied) return denied;
  const [first, ...others] = decisions as (Decision<R> & { do: "allow" | "ask" })[];
  if (!first || others.some(({ rule }) => !sameEffect(rule, first.rule)))
    return { do: "deny", rule: null, why: "servers may read its path in more than one way, and the rules differ" };
  return others.find((decision) => decision.do === "ask") ?? first;
}

/** Refusing and asking look away from upper and lower case, for many servers do. */
function forReading<R extends Rule>(about: Compiled<R>[], reading: Reading): Decision<R> {
  const [winner] = about
    .filter(({ rule, path }) => matchesPath(path, reading, rule.action !== "allow"))
    .sort((a, b) => compareRules(b, a));
  if (!winner) return { do: "deny", rule: null, why: "no rule is about it" };
  const { rule } = winner;
  if (rule.action === "allow" || rule.action === "ask") return { do: rule.action, rule };
  return { do: "deny", rule, why: "a rule denies it" };
}

const STRENGTH: Record<Action, number> = { deny: 3, tunnel: 2, allow: 1, ask: 0 };

/** Above 0 where `one` goes before `other`. */
function compareRules<R extends Rule>(one: Compiled<R>, other: Compiled<R>): number {
  return (
    compareHosts(one.host, other.host) ||
    comparePaths(one.path, other.path) ||
    methodWeight(one.rule) - methodWeight(other.rule) ||
    STRENGTH[one.rule.action] - STRENGTH[other.rule.action] ||
    other.rule.id - one.rule.id
  );
}

const methodWeight = ({ methods }: Rule) => (methods.includes("*") ? 0 : 1000 - methods.length);

const sameEffect = (one: Rule, other: Rule) =>
  one.credential === other.credential &&
  one.privateNetwork === other.privateNetwork &&
  one.trusted === other.trusted &&
  one.acts === other.acts;

/** Only where nothing that says as much about the host wants to look inside. */
function tunnel<R extends Rule>(all: Compiled<R>[], host: string, port: number): R | null {
  const about = all
    .filter(({ rule, host: pattern }) => rule.port === port && matchesHost(pattern, host))
    .sort((a, b) => compareHosts(b.host, a.host) || a.rule.id - b.rule.id);
  const [first] = about;
  if (first?.rule.action !== "tunnel") return null;
  const rivals = about.filter((other) => compareHosts(first.host, other.host) === 0);
  return rivals.every(({ rule }) => rule.action === "tunnel") ? first.rule : null;
}
