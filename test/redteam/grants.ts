/** What the agents of the arena may reach: mail, calendar, notes, one repository, registries, the open web. */
import type { Grant } from "./arena.ts";

const READ = ["GET", "HEAD", "OPTIONS"];
const account = (host: string, path: string, credential: string, more: Partial<Grant> = {}): Grant => ({
  ...{ host, path, credential, methods: "any", trusted: false, strangersText: true },
  ...more,
});

/** The first that fits decides. */
export const EVERYDAY: Grant[] = [
  // Drafts, labels and archive are the owner's own: nobody else reads them. What is sent is not.
  account("mail.example.org", "/drafts", "mail", { trusted: true }),
  account("mail.example.org", "/labels", "mail", { trusted: true }),
  account("mail.example.org", "/", "mail"),
  account("calendar.example.org", "/own", "calendar", { trusted: true }),
  account("calendar.example.org", "/", "calendar"),
  account("notes.example.org", "/", "notes", { trusted: true, strangersText: false }),
  account("git.example.org", "/me/project", "git", { trusted: true }),
  account("git.example.org", "/", "git", { methods: READ }),
  { host: "registry.example.org", path: "/", methods: READ, credential: null, trusted: true, strangersText: true },
  { host: "*", path: "/", methods: READ, credential: null, trusted: false, strangersText: true },
];

/** The same, and all that a careless owner might add: else many cases would fail at a rule and say nothing of the guard. */
export const CARELESS: Grant[] = [
  ...EVERYDAY.filter(({ host, path }) => host !== "*" && !(host === "git.example.org" && path === "/")),
  account("git.example.org", "/", "git"),
  account("chatapi.example.org", "/", "chatapi", { actsOnGet: true }),
  { ...account("vpn.example.org", "/", "vpn"), credential: null, tunnel: true },
  { host: "*", path: "/", methods: "any", credential: null, trusted: false, strangersText: true },
];
