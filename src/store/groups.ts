/** Agents, rooms and what ties them: agent groups, messaging groups, wirings. */
import type { AgentGroupId, MessagingGroupId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";

export interface AgentGroup {
  id: AgentGroupId;
  /** Folder under `groups/`. */
  folder: string;
  name: string;
  provider: string;
  model: string | null;
  /** Container runtime, or null for the engine's default. */
  runtime: string | null;
  /** The uid that its containers run as. */
  uid: number;
  createdAt: number;
}

export interface MessagingGroup {
  id: MessagingGroupId;
  channel: string;
  chat: string;
  unknownSenderPolicy: "strict" | "public";
}

export interface Wiring {
  agentGroup: AgentGroupId;
  engageMode: "always" | "mention";
  sessionMode: "shared" | "per-thread" | "agent-shared";
}

const AGENT_COLUMNS = "id, folder, name, provider, model, runtime, uid, created_at AS createdAt";

export class Groups {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  addAgentGroup(group: AgentGroup): void {
    this.#db.run(
      "INSERT INTO agent_groups (id, folder, name, provider, model, runtime, uid, created_at) VALUES (?,?,?,?,?,?,?,?)",
      ...[group.id, group.folder, group.name, group.provider, group.model, group.runtime, group.uid, group.createdAt],
    );
  }

  updateAgentGroup(id: AgentGroupId, change: Pick<AgentGroup, "name" | "provider" | "model" | "runtime">): void {
    this.#db.run(
      "UPDATE agent_groups SET name=?, provider=?, model=?, runtime=? WHERE id=?",
      ...[change.name, change.provider, change.model, change.runtime, id],
    );
  }

  agentGroup(id: AgentGroupId): AgentGroup | undefined {
    return this.#db.get(`SELECT ${AGENT_COLUMNS} FROM agent_groups WHERE id=?`, id);
  }

  agentGroupByFolder(folder: string): AgentGroup | undefined {
    return this.#db.get(`SELECT ${AGENT_COLUMNS} FROM agent_groups WHERE folder=?`, folder);
  }

  agentGroups(): AgentGroup[] {
    return this.#db.all(`SELECT ${AGENT_COLUMNS} FROM agent_groups ORDER BY created_at, id`);
  }

  addMessagingGroup(group: MessagingGroup): void {
    this.#db.run(
      "INSERT INTO messaging_groups (id, channel, chat, unknown_sender_policy) VALUES (?,?,?,?)",
      ...[group.id, group.channel, group.chat, group.unknownSenderPolicy],
    );
  }

  messagingGroup(channel: string, chat: string): MessagingGroup | undefined {
    return this.#db.get(
      "SELECT id, channel, chat, unknown_sender_policy AS unknownSenderPolicy FROM messaging_groups WHERE channel=? AND chat=?",
      channel,
      chat,
    );
  }

  wire(room: MessagingGroupId, wiring: Wiring): void {
    this.#db.run(
      "INSERT INTO messaging_group_agents (messaging_group_id, agent_group_id, engage_mode, session_mode) VALUES (?,?,?,?)",
      ...[room, wiring.agentGroup, wiring.engageMode, wiring.sessionMode],
    );
  }

  /** The wirings of a room, highest priority first. */
  wirings(room: MessagingGroupId): Wiring[] {
    return this.#db.all(
      `SELECT agent_group_id AS agentGroup, engage_mode AS engageMode, session_mode AS sessionMode
       FROM messaging_group_agents WHERE messaging_group_id=? ORDER BY priority DESC, agent_group_id`,
      room,
    );
  }
}
