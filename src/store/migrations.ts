/** The schema of `data/v2.db`, as the steps that lead to it. A step that was released is never changed. */
import { Misuse } from "../lib/errors.ts";
import type { Database } from "../lib/sqlite.ts";

export const steps: string[] = [
  `
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, time_zone TEXT, created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE roles (
    user_id TEXT NOT NULL REFERENCES users(id), role TEXT NOT NULL CHECK (role IN ('owner', 'admin')),
    agent_group_id TEXT NOT NULL DEFAULT '', PRIMARY KEY (user_id, role, agent_group_id)
  ) STRICT;

  CREATE TABLE agent_groups (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL UNIQUE, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT,
    runtime TEXT, uid INTEGER NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE messaging_groups (
    id TEXT PRIMARY KEY, channel TEXT NOT NULL, chat TEXT NOT NULL,
    unknown_sender_policy TEXT NOT NULL CHECK (unknown_sender_policy IN ('strict', 'public')),
    UNIQUE (channel, chat)
  ) STRICT;

  CREATE TABLE messaging_group_agents (
    messaging_group_id TEXT NOT NULL REFERENCES messaging_groups(id),
    agent_group_id TEXT NOT NULL REFERENCES agent_groups(id),
    engage_mode TEXT NOT NULL CHECK (engage_mode IN ('always', 'mention')),
    session_mode TEXT NOT NULL CHECK (session_mode IN ('shared', 'per-thread', 'agent-shared')),
    priority INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (messaging_group_id, agent_group_id)
  ) STRICT;

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, agent_group_id TEXT NOT NULL REFERENCES agent_groups(id), conversation TEXT NOT NULL,
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT, runtime TEXT,
    last_number INTEGER NOT NULL DEFAULT 0, outbound_cursor INTEGER NOT NULL DEFAULT 0, continuation TEXT,
    created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL,
    UNIQUE (agent_group_id, conversation)
  ) STRICT;

  CREATE TABLE inbound_events (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT, platform_id TEXT NOT NULL,
    revision INTEGER NOT NULL, author TEXT NOT NULL CHECK (author IN ('person', 'system')),
    user_id TEXT NOT NULL, user_name TEXT NOT NULL, text TEXT NOT NULL, said_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (channel, chat, platform_id, revision)
  ) STRICT;

  CREATE TABLE inbox (
    session_id TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL,
    event_id INTEGER NOT NULL REFERENCES inbound_events(id), engages INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'in_turn', 'done', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 1, turn INTEGER,
    PRIMARY KEY (session_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX inbox_unfinished ON inbox (session_id, number) WHERE state IN ('queued', 'in_turn');

  CREATE TABLE turns (
    session_id TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'error', 'interrupted')),
    started_at INTEGER NOT NULL, ended_at INTEGER, error TEXT, usage TEXT,
    PRIMARY KEY (session_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_running ON turns (session_id) WHERE state = 'running';

  CREATE TABLE turn_tools (
    session_id TEXT NOT NULL, turn INTEGER NOT NULL, call TEXT NOT NULL, name TEXT NOT NULL, summary TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'ok', 'failed')),
    PRIMARY KEY (session_id, turn, call), FOREIGN KEY (session_id, turn) REFERENCES turns(session_id, number)
  ) STRICT;

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT REFERENCES sessions(id), turn INTEGER,
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT,
    author TEXT NOT NULL CHECK (author IN ('agent', 'system')), text TEXT NOT NULL, answers TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'retry', 'unknown', 'dead')),
    tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0, platform_id TEXT, error TEXT,
    created_at INTEGER NOT NULL, ended_at INTEGER
  ) STRICT;
  CREATE INDEX outbox_open ON outbox (channel, chat, thread, id) WHERE state IN ('pending', 'sending', 'retry');

  CREATE TABLE credentials (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, sealed BLOB NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, resource TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('allow', 'deny', 'fact')), detail TEXT NOT NULL,
    previous BLOB NOT NULL, hash BLOB NOT NULL
  ) STRICT;

  CREATE TABLE terminal_messages (
    n INTEGER PRIMARY KEY AUTOINCREMENT, chat TEXT NOT NULL,
    author TEXT NOT NULL CHECK (author IN ('person', 'agent', 'system')), name TEXT NOT NULL, text TEXT NOT NULL,
    answers TEXT NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE INDEX terminal_by_chat ON terminal_messages (chat, n);
  `,
  `
  CREATE TABLE scheduled_tasks (
    id TEXT PRIMARY KEY, agent_group_id TEXT NOT NULL REFERENCES agent_groups(id),
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT,
    session_mode TEXT NOT NULL CHECK (session_mode IN ('own', 'chat')), name TEXT NOT NULL, prompt TEXT NOT NULL,
    schedule TEXT NOT NULL, time_zone TEXT NOT NULL, missed TEXT NOT NULL CHECK (missed IN ('skip', 'latest', 'all')),
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'done')), next_at INTEGER,
    failures INTEGER NOT NULL, note TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX scheduled_tasks_next ON scheduled_tasks (next_at) WHERE state = 'active';

  CREATE TABLE task_runs (
    id INTEGER PRIMARY KEY, task_id TEXT NOT NULL REFERENCES scheduled_tasks(id) ON DELETE CASCADE,
    due_at INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'skipped')),
    session_id TEXT REFERENCES sessions(id), number INTEGER, started_at INTEGER, ended_at INTEGER,
    note TEXT NOT NULL DEFAULT '',
    UNIQUE (task_id, due_at)
  ) STRICT;
  CREATE INDEX task_runs_running ON task_runs (task_id) WHERE state = 'running';
  `,
  `
  ALTER TABLE inbound_events ADD COLUMN change TEXT NOT NULL DEFAULT 'said'
    CHECK (change IN ('said', 'edited', 'deleted'));
  ALTER TABLE inbound_events ADD COLUMN files TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE inbox ADD COLUMN about INTEGER;
  ALTER TABLE inbox ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX inbox_untold ON inbox (event_id) WHERE state = 'queued' AND engages = 1 AND told = 0;
  CREATE INDEX inbox_of_event ON inbox (event_id);
  ALTER TABLE sessions ADD COLUMN stopped_up_to INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE agent_calls (
    session_id TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL, turn INTEGER NOT NULL,
    answer INTEGER NOT NULL, ok INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (session_id, number)
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE outbox ADD COLUMN kind TEXT NOT NULL DEFAULT 'message'
    CHECK (kind IN ('message', 'draft', 'edit', 'reaction'));
  ALTER TABLE outbox ADD COLUMN number INTEGER;
  ALTER TABLE outbox ADD COLUMN target TEXT;
  ALTER TABLE outbox ADD COLUMN over INTEGER;
  ALTER TABLE outbox ADD COLUMN files TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE outbox ADD COLUMN tried_since INTEGER;
  ALTER TABLE outbox ADD COLUMN told_with INTEGER;
  ALTER TABLE outbox ADD COLUMN part_of INTEGER;
  ALTER TABLE outbox ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN position INTEGER GENERATED ALWAYS AS (coalesce(part_of, id) * 1000 + part) VIRTUAL;
  UPDATE outbox SET told_with = 0;
  DROP INDEX outbox_open;
  CREATE INDEX outbox_open ON outbox (channel, chat, thread, position) WHERE state IN ('pending', 'sending', 'retry');
  CREATE INDEX outbox_told ON outbox (session_id, told_with) WHERE author = 'agent';
  CREATE INDEX outbox_by_number ON outbox (session_id, number) WHERE kind = 'message';
  CREATE INDEX outbox_given_up ON outbox (state) WHERE state IN ('unknown', 'dead');
  CREATE INDEX outbox_drafts ON outbox (session_id) WHERE kind = 'draft' AND over IS NULL;

  CREATE TABLE channel_memory (
    channel TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (channel, key)
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE scheduled_tasks ADD COLUMN script TEXT;
  ALTER TABLE inbound_events ADD COLUMN script TEXT;

  CREATE TABLE pairings (
    code_hash TEXT PRIMARY KEY, channel TEXT NOT NULL, agent_group_id TEXT NOT NULL REFERENCES agent_groups(id),
    expires_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE outbox ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN whole TEXT;
  DROP INDEX outbox_open;
  CREATE INDEX outbox_open ON outbox (channel, chat, thread, notice, position)
    WHERE state IN ('pending', 'sending', 'retry');

  CREATE TABLE task_leftovers (session_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE INDEX outbox_by_session ON outbox (session_id);
  `,
  `
  CREATE TABLE model_requests (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, day TEXT NOT NULL, session_id TEXT NOT NULL, turn INTEGER,
    agent_group_id TEXT NOT NULL, person TEXT NOT NULL, model TEXT NOT NULL, status INTEGER, input INTEGER NOT NULL,
    output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cost INTEGER,
    charged INTEGER NOT NULL, charged_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX model_requests_at ON model_requests (at);
  CREATE INDEX model_requests_open ON model_requests (id) WHERE status IS NULL;
  CREATE TABLE model_days (
    day TEXT NOT NULL, session_id TEXT NOT NULL, agent_group_id TEXT NOT NULL, person TEXT NOT NULL, model TEXT NOT NULL,
    requests INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL, cost INTEGER NOT NULL, charged INTEGER NOT NULL, charged_tokens INTEGER NOT NULL,
    estimated INTEGER NOT NULL, unpriced INTEGER NOT NULL, unpriced_charge INTEGER NOT NULL,
    PRIMARY KEY (day, session_id, person, model)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE budgets (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL CHECK (scope IN ('all', 'agent', 'person', 'session')), subject TEXT NOT NULL,
    per TEXT NOT NULL CHECK (per IN ('day', 'month', 'total')), unit TEXT NOT NULL CHECK (unit IN ('usd', 'tokens')),
    most INTEGER NOT NULL, warn INTEGER NOT NULL, warned_from INTEGER, stopped_from INTEGER, created_at INTEGER NOT NULL,
    UNIQUE (scope, subject, per, unit)
  ) STRICT;
  CREATE TABLE model_prices (
    model TEXT PRIMARY KEY, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL, cache_write_hour INTEGER NOT NULL, set_at INTEGER NOT NULL
  ) STRICT;
  `,
  // Records that are there already keep the hashes that they have: those of version 1, without the new fields.
  `
  ALTER TABLE audit ADD COLUMN cause INTEGER;
  ALTER TABLE audit ADD COLUMN session TEXT;
  ALTER TABLE audit ADD COLUMN turn INTEGER;
  ALTER TABLE audit ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
  CREATE INDEX audit_actor ON audit (actor);
  CREATE INDEX audit_verb ON audit (verb);
  CREATE INDEX audit_resource ON audit (resource);
  CREATE INDEX audit_at ON audit (at);
  CREATE INDEX audit_session ON audit (session) WHERE session IS NOT NULL;
  CREATE INDEX audit_turn ON audit (session, turn) WHERE turn IS NOT NULL;
  CREATE INDEX audit_cause ON audit (cause) WHERE cause IS NOT NULL;
  CREATE INDEX audit_denied ON audit (seq) WHERE decision = 'deny';

  CREATE TABLE audit_heads (
    counter INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL,
    signature TEXT NOT NULL
  ) STRICT;

  ALTER TABLE inbox ADD COLUMN record INTEGER;
  ALTER TABLE turns ADD COLUMN record INTEGER;
  ALTER TABLE turn_tools ADD COLUMN record INTEGER;
  ALTER TABLE outbox ADD COLUMN cause INTEGER;
  `,
  `
  ALTER TABLE credentials ADD COLUMN variable TEXT;
  ALTER TABLE credentials ADD COLUMN key_id TEXT;
  ALTER TABLE credentials ADD COLUMN expires_at INTEGER;
  ALTER TABLE credentials ADD COLUMN used_at INTEGER;
  ALTER TABLE credentials ADD COLUMN trouble TEXT;
  `,
  `
  CREATE TABLE guard_labels (
    agent_group_id TEXT NOT NULL REFERENCES agent_groups(id), side TEXT NOT NULL CHECK (side IN ('untrusted', 'private')),
    kind TEXT NOT NULL, name TEXT NOT NULL, session_id TEXT, since INTEGER NOT NULL,
    PRIMARY KEY (agent_group_id, side, kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE guard_waivers (
    agent_group_id TEXT NOT NULL REFERENCES agent_groups(id), source_kind TEXT NOT NULL, source_name TEXT NOT NULL,
    sink_kind TEXT NOT NULL, sink_name TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (agent_group_id, source_kind, source_name, sink_kind, sink_name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE guard_marks (mark TEXT NOT NULL, about TEXT NOT NULL, PRIMARY KEY (mark, about)) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE outbox ADD COLUMN buttons TEXT NOT NULL DEFAULT '[]';

  CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, agent_group_id TEXT REFERENCES agent_groups(id),
    session_id TEXT REFERENCES sessions(id), payload TEXT NOT NULL, hash TEXT NOT NULL, title TEXT NOT NULL,
    text TEXT NOT NULL, choices TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'granted', 'denied', 'expired', 'void')),
    channel TEXT, chat TEXT, thread TEXT, asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, choice TEXT, answered_by TEXT, answered_at INTEGER, used_at INTEGER
  ) STRICT;
  CREATE INDEX approvals_pending ON approvals (expires_at) WHERE state = 'pending';
  CREATE INDEX approvals_by_hash ON approvals (kind, hash);

  ALTER TABLE messaging_groups ADD COLUMN direct_user TEXT;
  UPDATE messaging_groups SET direct_user = 'terminal:owner' WHERE channel = 'terminal';
  ALTER TABLE messaging_groups ADD COLUMN sender_policy TEXT NOT NULL DEFAULT 'strict'
    CHECK (sender_policy IN ('strict', 'request_approval', 'public'));
  UPDATE messaging_groups SET sender_policy = unknown_sender_policy;
  ALTER TABLE messaging_groups DROP COLUMN unknown_sender_policy;
  ALTER TABLE messaging_groups RENAME COLUMN sender_policy TO unknown_sender_policy;

  CREATE TABLE members (
    user_id TEXT NOT NULL REFERENCES users(id), messaging_group_id TEXT NOT NULL REFERENCES messaging_groups(id),
    since INTEGER NOT NULL, PRIMARY KEY (user_id, messaging_group_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE held_events (
    id INTEGER PRIMARY KEY, approval_id INTEGER NOT NULL REFERENCES approvals(id), platform_id TEXT NOT NULL,
    event TEXT NOT NULL, UNIQUE (approval_id, platform_id)
  ) STRICT;
  CREATE TABLE refused_senders (hash TEXT PRIMARY KEY, refused_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE egress_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent_group_id TEXT NOT NULL REFERENCES agent_groups(id), bundle TEXT,
    session_id TEXT REFERENCES sessions(id), host TEXT NOT NULL, port INTEGER NOT NULL,
    scheme TEXT NOT NULL CHECK (scheme IN ('https', 'http')), methods TEXT NOT NULL, path TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('allow', 'ask', 'deny', 'tunnel')), credential TEXT,
    private_network INTEGER NOT NULL, trusted INTEGER NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX egress_rules_of_group ON egress_rules (agent_group_id);
  `,
  "ALTER TABLE egress_rules ADD COLUMN acts INTEGER NOT NULL DEFAULT 0;",
  `
  CREATE TABLE agent_packages (
    agent_group_id TEXT PRIMARY KEY REFERENCES agent_groups(id), wanted TEXT NOT NULL, image TEXT, held TEXT NOT NULL,
    trouble TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE held (
    user_id TEXT NOT NULL REFERENCES users(id), role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    agent_group_id TEXT NOT NULL DEFAULT '', PRIMARY KEY (user_id, role, agent_group_id),
    CHECK (role = 'admin' OR (role = 'owner') = (agent_group_id = ''))
  ) STRICT;
  INSERT INTO held SELECT user_id, role, agent_group_id FROM roles;
  DROP TABLE roles;
  ALTER TABLE held RENAME TO roles;

  ALTER TABLE sessions ADD COLUMN anew INTEGER NOT NULL DEFAULT 0;

  ALTER TABLE users ADD COLUMN person TEXT REFERENCES users(id);
  CREATE INDEX users_person ON users (coalesce(person, id));
  CREATE VIEW held_roles AS
    SELECT u.id AS user_id, r.role, r.agent_group_id
    FROM users u JOIN users other ON coalesce(other.person, other.id) = coalesce(u.person, u.id)
    JOIN roles r ON r.user_id = other.id;
  `,
  `
  ALTER TABLE messaging_group_agents ADD COLUMN engage TEXT NOT NULL DEFAULT 'always'
    CHECK (engage IN ('always', 'pattern', 'mention', 'mention-sticky'));
  UPDATE messaging_group_agents SET engage = engage_mode;
  ALTER TABLE messaging_group_agents DROP COLUMN engage_mode;
  ALTER TABLE messaging_group_agents RENAME COLUMN engage TO engage_mode;
  ALTER TABLE messaging_group_agents ADD COLUMN pattern TEXT CHECK (pattern IS NULL OR engage_mode = 'pattern');
  ALTER TABLE messaging_group_agents ADD COLUMN sender_scope TEXT NOT NULL DEFAULT 'all'
    CHECK (sender_scope IN ('all', 'known'));
  ALTER TABLE messaging_group_agents ADD COLUMN ignored_policy TEXT NOT NULL DEFAULT 'drop'
    CHECK (ignored_policy IN ('drop', 'accumulate'));

  CREATE TABLE engagements (
    messaging_group_id TEXT NOT NULL REFERENCES messaging_groups(id), agent_group_id TEXT NOT NULL REFERENCES agent_groups(id),
    thread TEXT NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (messaging_group_id, agent_group_id, thread)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE refused_senders RENAME TO refused;
  `,
];

/** Brings the schema up to date. Throws Misuse for a database that a newer NanoClaw wrote. */
export function migrate(db: Database): void {
  const version = db.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
  if (version > steps.length) {
    throw new Misuse(
      `the database has schema version ${version}, this NanoClaw knows versions up to ${steps.length}`,
      "It was written by a newer NanoClaw: update this one, or restore a backup from before.",
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(step);
      db.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
