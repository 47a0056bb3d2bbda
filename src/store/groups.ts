/** Agents, rooms and what ties them: agent groups, messaging groups, wirings. */
import type { AgentGroupId, MessagingGroupId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";

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
  /** What becomes of what is said by somebody without a role here; by `request_approval` the owner is asked. */
  unknownSenderPolicy: "strict" | "request_approval" | "public";
  /** Nobody but this user and the agent reads the chat. */
  directUser?: string | null;
}

export interface Wiring {
  agentGroup: AgentGroupId;
  /** What the agent answers; by `mention-sticky` also what follows a mention (see `decideRoute`). */
  engageMode: "always" | "pattern" | "mention" | "mention-sticky";
  /** What it answers by `pattern`, in RE2's words; else null. */
  pattern: string | null;
  /** By `known` nobody else is heard by this agent, whoever may speak in the room. */
  senders: "all" | "known";
  /** By `accumulate` what it does not answer rides along with the next message that it does. */
  ignored: "drop" | "accumulate";
  sessionMode: "shared" | "per-thread" | "agent-shared";
  priority: number;
  /** By `mention-sticky`: when the last message was said, in the thread that was asked about, that it answers. */
  engagedAt: number | null;
}

const USUAL = { pattern: null, senders: "all", ignored: "drop", priority: 0 } as const;

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
      "INSERT INTO messaging_groups (id, channel, chat, unknown_sender_policy, direct_user) VALUES (?,?,?,?,?)",
      ...[group.id, group.channel, group.chat, group.unknownSenderPolicy, group.directUser ?? null],
    );
  }

  messagingGroup(channel: string, chat: string): MessagingGroup | undefined {
    return this.#db.get(
      `SELECT id, channel, chat, unknown_sender_policy AS unknownSenderPolicy, direct_user AS directUser
       FROM messaging_groups WHERE channel=? AND chat=?`,
      channel,
      chat,
    );
  }

  setDirectUser(room: MessagingGroupId, user: string | null): void {
    this.#db.run("UPDATE messaging_groups SET direct_user=? WHERE id=?", user, room);
  }

  /** Where an owner and an agent are alone: of the terminal its main chat; the one that was used last first. */
  ownersChats(): Address[] {
    return this.#db.all(
      `SELECT m.channel, m.chat, NULL AS thread
       FROM messaging_groups m LEFT JOIN held_roles r ON r.user_id = m.direct_user AND r.role = 'owner'
       LEFT JOIN sessions s ON s.channel = m.channel AND s.chat = m.chat
       WHERE iif(m.channel = 'terminal', m.chat = 'main', r.role IS NOT NULL) GROUP BY m.id ORDER BY max(s.last_active_at) DESC, m.id`,
    );
  }

  /** Takes the place of what wired that agent to that room before. */
  wire(
    room: MessagingGroupId,
    wired: Pick<Wiring, "agentGroup" | "engageMode" | "sessionMode"> & Partial<Wiring>,
  ): void {
    const { agentGroup, engageMode, pattern, senders, ignored, sessionMode, priority } = { ...USUAL, ...wired };
    this.#db.run(
      `INSERT OR REPLACE INTO messaging_group_agents (messaging_group_id, agent_group_id, engage_mode, pattern,
         sender_scope, ignored_policy, session_mode, priority) VALUES (?,?,?,?,?,?,?,?)`,
      ...[room, agentGroup, engageMode, pattern, senders, ignored, sessionMode, priority],
    );
  }

  /** The wirings of a room, as they are in one of its threads, highest priority first. */
  wirings(room: MessagingGroupId, thread: string | null = null): Wiring[] {
    return this.#db.all(
      `SELECT agent_group_id AS agentGroup, engage_mode AS engageMode, pattern, sender_scope AS senders,
         ignored_policy AS ignored, session_mode AS sessionMode, priority,
         (SELECT last_at FROM engagements e WHERE e.messaging_group_id = w.messaging_group_id
            AND e.agent_group_id = w.agent_group_id AND thread=?2) AS engagedAt
       FROM messaging_group_agents w WHERE messaging_group_id=?1 ORDER BY priority DESC, agent_group_id`,
      ...[room, thread ?? ""],
    );
  }

  /** An agent answers what was said in a thread then, which matters to one that sticks to it. */
  engage(room: MessagingGroupId, { agentGroup }: Pick<Wiring, "agentGroup">, thread: string | null, at: number): void {
    this.#db.run(
      `INSERT OR REPLACE INTO engagements SELECT messaging_group_id, agent_group_id, ?, ? FROM messaging_group_agents
       WHERE messaging_group_id=? AND agent_group_id=? AND engage_mode='mention-sticky'`,
      ...[thread ?? "", at, room, agentGroup],
    );
  }
}
