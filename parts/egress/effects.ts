/** What the verbs about rules do: `rules.*`, `bundles.list`, `reach`. A change tells its difference, also one that is only tried. */

import { checkRule, NoRule, type Rule } from "../../packages/egress-rules/index.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import { bundles, rulesOf, usualPort } from "./bundles.ts";
import type { Credentials } from "./credentials.ts";
import { explain } from "./explain.ts";
import { difference, fromOf, hostOf, type ReachLine, reachOf } from "./reach.ts";
import type { EgressRule, EgressRules, NewRule } from "./rules.ts";

/** Rules of an agent group. */
const MOST_RULES = 500;

export interface RuleParts {
  store: Store;
  clock: Clock;
  rules: EgressRules;
  credentials: Pick<Credentials, "list">;
  /** The way to the model, which no rule is about. */
  model(): ReachLine;
}

/** What the verbs that make a rule give; each leaves out what it has no word about. */
interface Wanted {
  group: string;
  host: string;
  port?: number | undefined;
  scheme?: Rule["scheme"];
  method?: string;
  path?: string;
  credential?: string | undefined;
  privateNetwork?: boolean;
  trusted?: boolean;
  acts?: boolean;
  dryRun: boolean;
}

type RuleVerb = "list" | "allow" | "ask" | "deny" | "tunnel" | "remove" | "grant" | "revoke";

export function ruleEffects(parts: RuleParts): Pick<Effects, `rules.${RuleVerb}` | "bundles.list" | "reach"> {
  const { store, clock, rules } = parts;
  const folderOf = (id: EgressRule["agentGroup"]) => store.groups.agentGroup(id)?.folder ?? "";

  /** Takes some rules out, puts others in, and tells what that changes. */
  const change = (
    { id: agentGroup, folder }: Pick<AgentGroup, "id" | "folder">,
    { out, add, dryRun }: { out: EgressRule[]; add: NewRule[]; dryRun: boolean },
    { record }: Pick<EffectContext, "record">,
  ) => {
    const before = rules.list(agentGroup);
    const kept = before.filter((rule) => !out.some(({ id }) => id === rule.id));
    if (kept.length + add.length > MOST_RULES)
      throw new Misuse(`"${folder}" would have more than ${MOST_RULES} rules`, "Remove some with `ncl rules remove`.");
    const single = add.length + out.length === 1;
    if (dryRun) {
      const rule = single ? (out[0]?.id ?? null) : null;
      return { applied: false, rule, ...difference(before, [...kept, ...add]) };
    }
    const detail = { added: add.map(auditOf), removed: out.map(({ id }) => id) };
    return record(
      `agent group:${folder}`,
      () => {
        for (const rule of out) rules.remove(rule);
        const added = add.map((rule) => rules.add(rule, clock.now()));
        const rule = add.length === 1 ? (added[0]?.id ?? null) : single ? (out[0]?.id ?? null) : null;
        return { applied: true, rule, ...difference(before, [...kept, ...added]) };
      },
      detail,
    );
  };

  /** A rule of one's own takes the place of the one about the very same requests. */
  const put = (action: Rule["action"], { group: folder, dryRun, ...wanted }: Wanted, context: EffectContext) => {
    const group = agentGroupAt(store, folder);
    const scheme = wanted.scheme ?? "https";
    const credential = wanted.credential ?? null;
    if (credential !== null && !parts.credentials.list().some(({ name }) => name === credential))
      throw new Misuse(
        `there is no credential "${credential}" that requests can carry`,
        `Store it with \`ncl credentials set ${credential}\`.`,
      );
    const rule = checked({
      ...{ agentGroup: group.id, bundle: null, session: null, host: wanted.host, action, credential, scheme },
      ...{
        port: wanted.port ?? usualPort(scheme),
        methods: (wanted.method ?? "*").split(","),
        path: wanted.path ?? "/**",
      },
      ...{
        privateNetwork: wanted.privateNetwork ?? false,
        trusted: wanted.trusted ?? false,
        acts: wanted.acts ?? false,
      },
    });
    const out = rules.list(group.id).filter((one) => one.bundle === null && aboutOf(one) === aboutOf(rule));
    return change(group, { out, add: [rule], dryRun }, context);
  };

  const bundleOf = (group: AgentGroup, name: string) => rules.list(group.id).filter(({ bundle }) => bundle === name);

  return {
    "rules.allow": (wanted, context) => put("allow", wanted, context),
    "rules.ask": (wanted, context) => put("ask", wanted, context),
    "rules.deny": (wanted, context) => put("deny", wanted, context),
    "rules.tunnel": (wanted, context) => put("tunnel", wanted, context),
    "rules.remove": ({ rule: id, dryRun }, context) => {
      const rule = rules.rule(id);
      if (!rule) throw new Misuse(`there is no rule ${id}`, "`ncl rules list` shows them.");
      if (rule.bundle !== null)
        throw new Misuse(
          `rule ${id} is part of the bundle ${rule.bundle}`,
          `\`ncl rules revoke ${folderOf(rule.agentGroup)} ${rule.bundle}\` takes it away; \`ncl rules deny\` refuses a part of it.`,
        );
      const group = { id: rule.agentGroup, folder: folderOf(rule.agentGroup) };
      return change(group, { out: [rule], add: [], dryRun }, context);
    },
    "rules.grant": ({ group: folder, bundle: name, dryRun }, context) => {
      const group = agentGroupAt(store, folder);
      const bundle = bundles.find((one) => one.name === name);
      if (!bundle) throw new Misuse(`there is no bundle "${name}"`, "`ncl bundles list` shows them.");
      return change(group, { out: bundleOf(group, name), add: rulesOf(bundle, group.id), dryRun }, context);
    },
    "rules.revoke": ({ group: folder, bundle, dryRun }, context) => {
      const group = agentGroupAt(store, folder);
      const out = bundleOf(group, bundle);
      if (out.length === 0)
        throw new Misuse(
          `"${folder}" does not have the bundle "${bundle}"`,
          `\`ncl reach ${folder}\` shows what it has.`,
        );
      return change(group, { out, add: [], dryRun }, context);
    },
    "rules.list": ({ group: folder }) =>
      rules.list(folder ? agentGroupAt(store, folder).id : null).map((rule) => ({
        ...{ rule: rule.id, group: folderOf(rule.agentGroup), action: rule.action, host: hostOf(rule) },
        ...{ methods: rule.methods.join(","), path: rule.path, credential: rule.credential ?? "" },
        ...{ privateNetwork: rule.privateNetwork, trusted: rule.trusted, acts: rule.acts, from: fromOf(rule) },
      })),
    "bundles.list": () =>
      bundles.map(({ name, title, rules: data }) => ({
        ...{ bundle: name, title, hosts: [...new Set(data.flatMap(({ hosts }) => hosts))].join(", ") },
        grantedTo: [
          ...new Set(rules.list(null).flatMap((rule) => (rule.bundle === name ? [folderOf(rule.agentGroup)] : []))),
        ].join(", "),
      })),
    reach: ({ group: folder, url, method }) => {
      const group = agentGroupAt(store, folder);
      if (url === undefined) return [parts.model(), ...reachOf(rules.list(group.id))];
      return explain(rules.of(group.id, ""), folder, url, method.toUpperCase());
    },
  };
}

function checked(rule: NewRule): NewRule {
  try {
    return checkRule(rule);
  } catch (error) {
    throw error instanceof NoRule ? new Misuse(error.message, error.hint) : error;
  }
}

/** Which requests a rule is about. */
const aboutOf = ({ host, port, scheme, methods, path, session }: NewRule) =>
  JSON.stringify([host, port, scheme, methods, path, session]);

const auditOf = ({ host, port, scheme, methods, path, action, credential, bundle }: NewRule) => ({
  ...{ action, scheme, host, port, methods: methods.join(), path },
  ...(credential !== null && { credential }),
  ...(bundle !== null && { bundle }),
});
