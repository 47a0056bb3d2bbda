/** The rules of agent groups at rest, and as decisions are made by them: cached, and read anew after each change. */
import { type Rule, type RuleSet, ruleSet } from "../../packages/egress-rules/index.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";

export interface EgressRule extends Rule {
  agentGroup: AgentGroupId;
  /** The bundle that it came with; null for a rule of its own. */
  bundle: string | null;
  /** The one session that it holds for; null for all of the group. */
  session: SessionId | null;
}

export type NewRule = Omit<EgressRule, "id">;

const COLUMNS = `id, agent_group_id AS agentGroup, bundle, session_id AS session, host, port, scheme, methods, path, action,
  credential, private_network AS privateNetwork, trusted, acts`;
type Stored = Omit<EgressRule, "methods" | "privateNetwork" | "trusted" | "acts"> & {
  methods: string;
  privateNetwork: number;
  trusted: number;
  acts: number;
};

export class EgressRules {
  readonly #db: Database;
  readonly #cache = new Map<string, { all: EgressRule[]; sets: Map<string, RuleSet<EgressRule>> }>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** By what a request of that session is decided. */
  of(group: string, session: string): RuleSet<EgressRule> {
    const known = this.#cache.get(group) ?? { all: this.list(group), sets: new Map() };
    this.#cache.set(group, known);
    // Most sessions have no rules of their own, and share one set.
    const own = known.all.some((rule) => rule.session === session) ? session : "";
    const set = known.sets.get(own) ?? ruleSet(known.all.filter((rule) => (rule.session ?? own) === own));
    known.sets.set(own, set);
    return set;
  }

  /** Of one group or of all, in the order in which they were made. */
  list(group: string | null): EgressRule[] {
    const sql = `SELECT ${COLUMNS} FROM egress_rules WHERE agent_group_id = coalesce(?, agent_group_id) ORDER BY id`;
    return this.#db.all<Stored>(sql, group).map(parse);
  }

  rule(id: number): EgressRule | undefined {
    const row = this.#db.get<Stored>(`SELECT ${COLUMNS} FROM egress_rules WHERE id=?`, id);
    return row && parse(row);
  }

  add(rule: NewRule, now: number): EgressRule {
    const row = this.#db.get<{ id: number }>(
      `INSERT INTO egress_rules (agent_group_id, bundle, session_id, host, port, scheme, methods, path, action, credential,
         private_network, trusted, acts, created_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`,
      ...[rule.agentGroup, rule.bundle, rule.session, rule.host, rule.port, rule.scheme, JSON.stringify(rule.methods)],
      ...[
        rule.path,
        rule.action,
        rule.credential,
        Number(rule.privateNetwork),
        Number(rule.trusted),
        Number(rule.acts),
        now,
      ],
    );
    this.#changed(rule.agentGroup);
    return { ...rule, id: row?.id ?? 0 };
  }

  remove({ id, agentGroup }: Pick<EgressRule, "id" | "agentGroup">): void {
    this.#db.run("DELETE FROM egress_rules WHERE id=?", id);
    this.#changed(agentGroup);
  }

  /** What is decided meanwhile goes by what was committed. */
  #changed(group: string): void {
    this.#db.afterCommit(() => this.#cache.delete(group));
  }
}

const parse = ({ methods, privateNetwork, trusted, acts, ...row }: Stored): EgressRule => ({
  ...row,
  methods: JSON.parse(methods) as string[],
  privateNetwork: privateNetwork === 1,
  trusted: trusted === 1,
  acts: acts === 1,
});
