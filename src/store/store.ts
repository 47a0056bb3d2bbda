/** The central database: the only truth. Everything else (mailboxes, composed files) is a projection of it. */
import { Database } from "../lib/sqlite.ts";
import { Calls } from "./calls.ts";
import { ChannelMemory } from "./channel-memory.ts";
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
  calls: Calls;
  memory: ChannelMemory;
}

/** Opens and migrates the database at `path` (":memory:" for tests). */
export function openStore(path: string): Store {
  return storeOn(new Database(path));
}

/** The store on a database that was opened otherwise; brings its schema up to date. */
export function storeOn(db: Database): Store {
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
    calls: new Calls(db),
    memory: new ChannelMemory(db),
  };
}
