import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { verbs } from "../../api/verbs.ts";
import { type Actor, isAtLeast } from "../../src/access/authorize.ts";
import { BadArguments, type Effects, Executor, Refused } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { UserId } from "../../src/lib/ids.ts";
import type { Grant } from "../../src/store/users.ts";
import { AGENT, OWNER, world } from "../../test/support/world.ts";
import { peopleEffects } from "./index.ts";

function given() {
  const w = world();
  const executor = new Executor(peopleEffects(w) as Effects, w.store, w.audit);
  const as = (actor: Actor) => async (verb: string, args: unknown) => {
    const outcome = await executor.execute(actor, verb, args, new AbortController().signal);
    return outcome.stream ? assert.fail() : outcome.result;
  };
  const user = (id: string) => w.store.users.put({ id: id as UserId, name: id, timeZone: null }, w.clock.now());
  const actor = (id: string): Actor => ({ kind: "user", id, grants: w.store.users.grants(id as UserId) });
  return { ...w, run: as({ kind: "operator" }), as, user, actor };
}

test("what one handle of a person may, the others may too, until they are taken apart", async () => {
  const { run, user, store } = given();
  for (const id of ["a:ann", "b:ann", "c:ann"]) user(id);
  await run("users.link", { user: "a:ann", as: "b:ann" });
  await run("users.link", { user: "c:ann", as: "a:ann" });
  await run("roles.grant", { user: "b:ann", role: "admin", group: "main" });
  const admin = [{ role: "admin", agentGroup: AGENT }];
  const may = (id: string) => store.users.grants(id as UserId).map((grant) => ({ ...grant }));
  for (const id of ["a:ann", "b:ann", "c:ann"]) assert.deepEqual(may(id), admin, id);
  // b stood for the person: the others stay together without it.
  await run("users.unlink", { user: "b:ann" });
  assert.deepEqual(may("b:ann"), admin);
  for (const id of ["a:ann", "c:ann"]) assert.deepEqual(may(id), []);
  await run("members.add", { group: "main", user: "a:ann" });
  assert.deepEqual(may("c:ann"), [{ role: "member", agentGroup: AGENT }]);
});

test("linking and taking apart, in whatever order, leaves whole persons", () => {
  const ids = ["a:1", "b:2", "c:3", "d:4"];
  const act = fc.record({ link: fc.boolean(), one: fc.constantFrom(...ids), other: fc.constantFrom(...ids) });
  fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
      const { run, user, store } = given();
      for (const id of ids) {
        user(id);
        store.users.grant(id as UserId, { role: "admin", agentGroup: `a-${id}` });
      }
      let persons = ids.map((id) => new Set([id]));
      const of = (id: string) => persons.find((one) => one.has(id)) ?? assert.fail();
      for (const { link, one, other } of acts) {
        if (link && one !== other) {
          await run("users.link", { user: one, as: other });
          const whole = new Set([...of(one), ...of(other)]);
          persons = [...persons.filter((person) => !whole.has([...person][0] ?? "")), whole];
        } else if (!link && of(one).size > 1) {
          await run("users.unlink", { user: one });
          of(one).delete(one);
          persons.push(new Set([one]));
        }
      }
      for (const id of ids) {
        const may = store.users.grants(id as UserId).map(({ agentGroup }) => agentGroup?.slice(2));
        assert.deepEqual(may.toSorted(), [...of(id)].toSorted());
      }
    }),
    { numRuns: 60 },
  );
});

test("the last owner stays; an owner is one of all agents", async () => {
  const { run, user, audit } = given();
  await assert.rejects(run("roles.revoke", { user: OWNER, role: "owner" }), /the only owner/);
  await assert.rejects(run("roles.grant", { user: "test:ann", role: "owner", group: "main" }), Misuse);
  user("test:ann");
  await run("roles.grant", { user: "test:ann", role: "owner" });
  await run("roles.revoke", { user: OWNER, role: "owner" });
  await assert.rejects(run("roles.revoke", { user: OWNER, role: "owner" }), /is not owner/);
  assert.deepEqual(
    audit.list(10).map(({ verb, resource, detail }) => [verb, resource, JSON.parse(detail)]),
    [
      ["roles.grant", "user:test:ann", { role: "owner" }],
      ["roles.revoke", `user:${OWNER}`, { role: "owner" }],
    ],
  );
});

test("an admin says who the members are, and makes no admins; a member says nothing", async () => {
  const { run, as, actor, store } = given();
  await run("roles.grant", { user: "test:ann", role: "admin", group: "main" });
  const ann = as(actor("test:ann"));
  await ann("members.add", { group: "main", user: "test:bob" });
  assert.deepEqual(
    ((await ann("members.list", { group: "main" })) as { user: string }[]).map(({ user }) => user),
    ["test:bob"],
  );
  await assert.rejects(ann("roles.grant", { user: "test:ann", role: "owner" }), Refused);
  await assert.rejects(ann("roles.grant", { user: "test:bob", role: "admin", group: "main" }), Refused);
  await assert.rejects(ann("users.link", { user: "test:ann", as: OWNER }), Refused);
  const bob = as(actor("test:bob"));
  await assert.rejects(bob("members.add", { group: "main", user: "test:eve" }), Refused);
  await ann("members.remove", { group: "main", user: "test:bob" });
  await assert.rejects(ann("members.remove", { group: "main", user: "test:bob" }), /is not member of main/);
  assert.deepEqual(store.users.grants("test:bob" as UserId), []);
});

test("names that only look like others, that hide something, or that are no handles, are refused, and nothing is changed", async () => {
  const { run, store } = given();
  const before = store.db.all("SELECT id FROM users");
  for (const user of ["ann", ":ann", "test:", "test:a nn", "test:a\u202enn", "test:ann\u200b", "test:ａnn", "TEST:ann"])
    await assert.rejects(run("members.add", { group: "main", user }), BadArguments, JSON.stringify(user));
  for (const group of ["../main", "Main", "none"])
    await assert.rejects(run("members.add", { group, user: "test:ann" }), (error) => error instanceof Error, group);
  await assert.rejects(run("users.link", { user: OWNER, as: "test:nobody" }), /nobody is known/);
  await assert.rejects(run("users.link", { user: OWNER, as: OWNER }), /is one handle/);
  assert.deepEqual(store.db.all("SELECT id FROM users"), before);
});

test("ncl can answers as the gate would, with the reason", async () => {
  const { run } = given();
  await run("members.add", { group: "main", user: "test:ann" });
  const can = (who: string, verb: string, group?: string) => run("can", { who, verb, ...(group && { group }) });
  assert.deepEqual(await can("test:ann", "tasks.add", "main"), { allow: true, why: "test:ann is a member" });
  assert.deepEqual(await can("test:ann", "members.add", "main"), {
    allow: false,
    why: '"members.add" needs an admin, and test:ann is a member',
  });
  assert.equal(((await can("agent:main", "tasks.add", "main")) as { allow: boolean }).allow, true);
  assert.equal(((await can("agent:main", "credentials.set")) as { allow: boolean }).allow, false);
  await assert.rejects(can("test:ann", "tasks.explode"), /there is no verb/);
  await assert.rejects(can("test:ann", "constructor"), /there is no verb/);
  await assert.rejects(can("test:zed", "status"), /nobody is known/);
});

test("nobody can give themselves or others more than they have, by any verb that is open to them", async () => {
  const { as, store, run } = given();
  await run("members.add", { group: "main", user: "test:ann" });
  const higher: Record<string, unknown> = {
    "roles.grant": { user: "test:ann", role: "admin" },
    "users.link": { user: "test:ann", as: OWNER },
    "members.add": { group: "main", user: "test:ann" },
  };
  for (const role of ["admin", "member", "guest"] as const) {
    const grants: Grant[] = [{ role, agentGroup: AGENT }];
    for (const [verb, args] of Object.entries(higher)) {
      if (isAtLeast(role, verbs[verb as keyof typeof verbs].least) && verb === "members.add") continue;
      await assert.rejects(as({ kind: "user", id: "test:ann", grants })(verb, args), Refused, `${role} ${verb}`);
    }
  }
  assert.deepEqual(
    store.users.grants("test:ann" as UserId).map(({ role }) => role),
    ["member"],
  );
});
