/** What rules come to, in words: pure functions. */

import { usualPort } from "./bundles.ts";
import type { EgressRule, NewRule } from "./rules.ts";

export interface ReachLine {
  host: string;
  what: string;
  how: string;
  from: string;
}

type Told = NewRule & { id?: number };

/** One line for what differs in nothing but the path, those about the same host together. */
export function reachOf(rules: Told[]): ReachLine[] {
  const groups = new Map<string, Told[]>();
  for (const rule of rules) {
    const { path, id, ...rest } = rule;
    const key = JSON.stringify([rest, rule.bundle === null ? id : null]);
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  return [...groups.values()].map(lineOf).sort((a, b) => backwards(a.host).localeCompare(backwards(b.host)));
}

/** By what names have in common at their ends, the widest first. */
const backwards = (host: string) =>
  host
    .replace(/^.*:\/\//, "")
    .split(".")
    .reverse()
    .join(" ");

function lineOf(rules: Told[]): ReachLine {
  const [rule] = rules;
  if (!rule) throw new Error("no rule, no line");
  const { credential, privateNetwork, trusted, acts, action } = rule;
  const methods = rule.methods.includes("*") ? "any request" : rule.methods.join(", ");
  const paths = rules.map(({ path }) => path);
  const where = paths.includes("/**") ? "" : ` of ${paths.join(", ")}`;
  const key = action === "deny" ? "" : credential === null ? "" : `, with the key ${credential}`;
  const more = [privateNetwork && ", also in a private network", trusted && ", trusted", acts && ", asking there acts"]
    .filter(Boolean)
    .join("");
  return {
    host: hostOf(rule),
    what: action === "tunnel" ? `anything${more}` : `${methods}${where}${key}${more}`,
    how: HOW[action],
    from: fromOf(rule),
  };
}

const HOW: Record<EgressRule["action"], string> = {
  allow: "allowed",
  ask: "a person is asked each time",
  deny: "denied",
  tunnel: "passed on, contents unseen",
};

export function hostOf({ scheme, host, port }: Pick<EgressRule, "scheme" | "host" | "port">): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `${scheme === "http" ? "http://" : ""}${name}${port === usualPort(scheme) ? "" : `:${port}`}`;
}

export function fromOf({ bundle, session, id }: Told): string {
  if (bundle !== null) return `bundle ${bundle}`;
  const rule = id === undefined ? "a new rule" : `rule ${id}`;
  return session === null ? rule : `${rule}, in session ${session} only`;
}

/** What is reached after a change and was not before, and the reverse. */
export function difference(before: Told[], after: Told[]): { added: ReachLine[]; removed: ReachLine[] } {
  const [old, fresh] = [reachOf(before), reachOf(after)];
  const without = (some: ReachLine[], others: ReachLine[]) => {
    const known = new Set(others.map((line) => JSON.stringify(line)));
    return some.filter((line) => !known.has(JSON.stringify(line)));
  };
  return { added: without(fresh, old), removed: without(old, fresh) };
}
