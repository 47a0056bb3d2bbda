/** What each agent group's image is to hold, and what it holds: one row a group, of groups that ever had packages of their own. */
import type { AgentGroupId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";

export interface Entry {
  agentGroup: AgentGroupId;
  wanted: string[];
  /** What its containers start with; null for the installation's own image. */
  image: string | null;
  /** What that image holds. */
  held: string[];
  /** Why the last build failed, and what to do; empty where it did not. */
  trouble: string;
}

type Row = Omit<Entry, "wanted" | "held"> & { wanted: string; held: string };

const COLUMNS = "agent_group_id AS agentGroup, wanted, image, held, trouble";

export class PackageBook {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  of(group: AgentGroupId): Entry | undefined {
    const row = this.#db.get<Row>(`SELECT ${COLUMNS} FROM agent_packages WHERE agent_group_id=?`, group);
    return row && parse(row);
  }

  all(): Entry[] {
    return this.#db.all<Row>(`SELECT ${COLUMNS} FROM agent_packages ORDER BY agent_group_id`).map(parse);
  }

  want(group: AgentGroupId, packages: string[]): void {
    this.#db.run(
      `INSERT INTO agent_packages (agent_group_id, wanted, image, held, trouble) VALUES (?,?,NULL,'[]','')
       ON CONFLICT (agent_group_id) DO UPDATE SET wanted=excluded.wanted, trouble=''`,
      ...[group, JSON.stringify(packages)],
    );
  }

  built(group: AgentGroupId, image: string | null, packages: string[]): void {
    this.#db.run(
      "UPDATE agent_packages SET image=?, held=?, trouble='' WHERE agent_group_id=?",
      ...[image, JSON.stringify(packages), group],
    );
  }

  failed(group: AgentGroupId, trouble: string): void {
    this.#db.run("UPDATE agent_packages SET trouble=? WHERE agent_group_id=?", trouble, group);
  }
}

const parse = ({ wanted, held, ...row }: Row): Entry => ({
  ...row,
  wanted: JSON.parse(wanted) as string[],
  held: JSON.parse(held) as string[],
});
