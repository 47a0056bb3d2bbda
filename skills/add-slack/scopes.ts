/** What the app may do. `manifest.json` asks for all of it. */

/** Without these it can't work at all. */
const VITAL = ["chat:write", "im:history"];
const USEFUL = [
  "app_mentions:read",
  "channels:history",
  "files:read",
  "files:write",
  "groups:history",
  "mpim:history",
  "reactions:read",
  "reactions:write",
  "users:read",
];

/** All of them, for the manifest. */
export const SCOPES = [...VITAL, ...USEFUL].sort();

/** @param granted null where Slack did not say @returns each as one text; empty where nothing lacks */
export function lackingFor(granted: string[] | null): { vital: string; useful: string } {
  const lacking = (scopes: string[]) => scopes.filter((scope) => granted && !granted.includes(scope)).join(", ");
  return { vital: lacking(VITAL), useful: lacking(USEFUL) };
}
