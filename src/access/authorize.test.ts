import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Role, type Verb, verbs } from "../../api/verbs.ts";
import { roleArguments } from "../control/execute.ts";
import type { Grant } from "../store/users.ts";
import { type Asker, authorize, type Resource } from "./authorize.ts";

const ROLES: Role[] = ["owner", "admin", "member", "guest"];

/** The table that people read. */
const written = readFileSync(join(import.meta.dirname, "../../docs/powers.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, name, least, whose, agents, more] =
      /^\| `([a-z.-]+)` \| (owner|admin|member|guest) \| (all agents|that agent) \| (yes|no) \| (.*?) ?\|$/.exec(
        line,
      ) ?? [];
    return name ? [{ name, least: least as Role, whose, agents: agents === "yes", more }] : [];
  });

test("the written table has every verb as the code declares it, and no other", () => {
  const declared = Object.entries(verbs as Record<string, Verb>).map(([name, verb]) => ({
    name,
    ...{ least: verb.least, agents: verb.agents },
    whose: verb.of === "all" ? "all agents" : "that agent",
    more: roleArguments(verb)
      .map(([field, least]) => `${field}: ${least}`)
      .join(", "),
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  assert.deepEqual(written.toSorted(byName), declared.toSorted(byName));
});

const holding = (role: Role, agentGroup: string | null): [string, Asker] => [
  `${role} of ${agentGroup ?? "all"}`,
  { kind: "user", id: "test:ann", grants: [{ role, agentGroup }] },
];

const askers: [string, Asker][] = [
  ["operator", { kind: "operator" }],
  ...ROLES.flatMap((role) => [holding(role, null), holding(role, "a-1"), holding(role, "a-2")]),
  ["nobody", { kind: "user", id: "test:eve", grants: [] }],
  ["agent a-1", { kind: "agent", id: "a-1" }],
  ["agent a-2", { kind: "agent", id: "a-2" }],
];

const resources: [string, Resource][] = [
  ["all", { of: "all" }],
  ["a-1", { of: "group", id: "a-1" }],
];

/** What people are promised, told apart from how the gate finds it. */
function promised(who: string, least: Role, agents: boolean, resource: string): boolean {
  if (who === "operator") return true;
  if (who === "nobody") return false;
  const [role = "", of = ""] = who.split(/ of | /);
  if (role === "agent") return agents && (resource === "all" || of === "a-1");
  const enough = { owner: 4, admin: 3, member: 2, guest: 1 };
  return enough[role as Role] >= enough[least] && (of === "all" || of === resource);
}

test("every verb, for every role and every scope, is decided as the written table says", () => {
  let decided = 0;
  for (const { name, least, agents } of written)
    for (const [who, asker] of askers)
      for (const [resource, touched] of resources) {
        const { allow, why } = authorize(asker, name, { least, agents }, touched);
        assert.equal(allow, promised(who, least, agents, resource), `${who}, ${name}, ${resource}: ${why}`);
        assert.notEqual(why, "");
        decided += 1;
      }
  assert.ok(decided > 90 * 16 * 2);
});

test("what is found out later is let begin for whoever could be let do it, and decided then", () => {
  const needs = { least: "member", agents: false } as const;
  const ofAnother: Asker = { kind: "user", id: "test:ann", grants: [{ role: "member", agentGroup: "a-2" }] };
  assert.equal(authorize(ofAnother, "tasks.show", needs, { of: "later" }).allow, true);
  assert.equal(authorize(ofAnother, "tasks.show", needs, { of: "group", id: "a-1" }).allow, false);
  const guest: Asker = { kind: "user", id: "test:ann", grants: [{ role: "guest", agentGroup: "a-1" }] };
  assert.equal(authorize(guest, "tasks.show", needs, { of: "later" }).allow, false);
});

test("a refusal says what is needed and what the person is", () => {
  const refused = (grants: Grant[], resource: Resource) =>
    authorize({ kind: "user", id: "test:ann", grants }, "members.add", { least: "admin", agents: false }, resource).why;
  const here: Resource = { of: "group", id: "a-1" };
  assert.equal(refused([], here), '"members.add" needs an admin, and test:ann is none');
  assert.match(refused([{ role: "member", agentGroup: "a-1" }], here), /and test:ann is a member$/);
  assert.match(
    refused([{ role: "admin", agentGroup: "a-2" }], here),
    /an admin of that agent, and test:ann is one of an/,
  );
  assert.match(refused([{ role: "admin", agentGroup: "a-2" }], { of: "all" }), /an admin of all agents/);
});
