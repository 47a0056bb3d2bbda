/** The central database: the only truth. Everything else (mailboxes, composed files) is a projection of it. */
import { Database } from "../lib/sqlite.ts";
import { Groups } from "./groups.ts";
import { Inbox } from "./inbox.ts";
import { migrate } from "./migrations.ts";
import { Outbox } from "./outbox.ts";
import { Sessions } from "./sessions.ts";
import { Settings } from "./settings.ts";
import { Turns } from "./turns.ts";
import { Users } from "./users.ts";

export interface Store {
  db: Database;
  settings: Settings;
  users: Users;
  groups: Groups;
  sessions: Sessions;
  inbox: Inbox;
  turns: Turns;
  outbox: Outbox;
}

/** Opens and migrates the database at `path` (":memory:" for tests and simulation). */
export function openStore(path: string): Store {
  const db = new Database(path);
  migrate(db);
  return {
    db,
    settings: new Settings(db),
    users: new Users(db),
    groups: new Groups(db),
    sessions: new Sessions(db),
    inbox: new Inbox(db),
    turns: new Turns(db),
    outbox: new Outbox(db),
  };
}
