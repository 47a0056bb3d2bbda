/** What the verbs about people do: `users.*`, `roles.*`, `members.*` and `can`. */
import { type Verb, type VerbName, verbs } from "../../api/verbs.ts";
import { type Asker, authorize, type Resource } from "../../src/access/authorize.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { AgentGroupId, UserId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import type { Grant } from "../../src/store/users.ts";
import { Handles } from "./handles.ts";

export interface PeopleParts {
  store: Store;
  clock: Clock;
}

type PeopleVerb = `${"users" | "roles" | "members"}.${string}` | "can";

export function peopleEffects({ store, clock }: PeopleParts): Pick<Effects, Extract<keyof Effects, PeopleVerb>> {
  const handles = new Handles(store.db);
  const named = ({ role, agentGroup }: Grant) =>
    agentGroup === null
      ? role
      : `${role} of ${store.groups.agentGroup(agentGroup as AgentGroupId)?.folder ?? "an agent that is gone"}`;
  const shown = (id: UserId) => ({
    user: id,
    name: store.users.user(id)?.name ?? "",
    also: handles.others(id),
    may: store.users.grants(id).map(named),
  });
  const known = (id: string): UserId => {
    if (store.users.user(id as UserId)) return id as UserId;
    throw new Misuse(`nobody is known as ${id}`, "`ncl users list` shows who is.");
  };
  /** Somebody may be given a role before they were ever heard of. */
  const anybody = (id: string): UserId => {
    const [, handle = id] = /^[^:]*:(.*)$/s.exec(id) ?? [];
    if (!store.users.user(id as UserId))
      store.users.put({ id: id as UserId, name: handle, timeZone: null }, clock.now());
    return id as UserId;
  };
  const grantOf = (role: Grant["role"], folder: string | undefined): Grant => {
    if (role === "owner" && folder !== undefined)
      throw new Misuse("an owner is one of all agents", "Leave --group out, or make them an admin.");
    return { role, agentGroup: folder === undefined ? null : agentGroupAt(store, folder).id };
  };
  const memberOf = (folder: string): Grant => ({ role: "member", agentGroup: agentGroupAt(store, folder).id });
  const give = (user: string, grant: Grant, record: EffectContext["record"]) =>
    record(
      `user:${user}`,
      () => {
        const id = anybody(user);
        store.users.grant(id, grant);
        return shown(id);
      },
      { role: named(grant) },
    );
  const take = (id: UserId, grant: Grant, record: EffectContext["record"]) =>
    record(
      `user:${id}`,
      () => {
        if (!handles.revoke(id, grant))
          throw new Misuse(`${id} is not ${named(grant)}`, "`ncl users list` shows who is.");
        if (store.users.owners().length === 0)
          throw new Misuse(`${id} is the only owner`, "Make somebody else an owner first.");
        return shown(id);
      },
      { role: named(grant) },
    );
  return {
    "users.list": () => handles.all().map(shown),

    "users.link": ({ user, as }, { record }) => {
      if (user === as) throw new Misuse(`${user} is one handle`, "Name two.");
      const [one, other] = [known(user), known(as)];
      return record(
        `user:${user}`,
        () => {
          handles.link(one, other);
          return shown(one);
        },
        { as, may: [...store.users.grants(one), ...store.users.grants(other)].map(named) },
      );
    },

    "users.unlink": ({ user }, { record }) => {
      const id = known(user);
      if (handles.others(id).length === 0)
        throw new Misuse(`${user} is a person by itself`, "`ncl users list` shows which handles are one person.");
      return record(`user:${user}`, () => {
        handles.unlink(id);
        return shown(id);
      });
    },

    "roles.list": () =>
      handles
        .holding(["owner", "admin"])
        .map(({ id, ...grant }) => ({ user: id, name: store.users.user(id)?.name ?? "", role: named(grant) })),

    "roles.grant": ({ user, role, group }, { record }) => give(user, grantOf(role, group), record),
    "roles.revoke": ({ user, role, group }, { record }) => take(known(user), grantOf(role, group), record),

    "members.list": ({ group }) => {
      const { agentGroup } = memberOf(group);
      return handles
        .holding(["member"])
        .filter((one) => one.agentGroup === agentGroup)
        .map(({ id }) => shown(id));
    },
    "members.add": ({ group, user }, { record }) => give(user, memberOf(group), record),
    "members.remove": ({ group, user }, { record }) => take(known(user), memberOf(group), record),

    can: ({ who, verb: name, group }) => {
      if (!Object.hasOwn(verbs, name)) throw new Misuse(`there is no verb "${name}"`, "`ncl help` lists them.");
      const verb: Verb = verbs[name as VerbName];
      const resource: Resource =
        group === undefined ? { of: "all" } : { of: "group", id: agentGroupAt(store, group).id };
      const { allow, why } = authorize(askerAs(store, who, known), name, verb, resource);
      return { allow, why };
    },
  };
}

function askerAs(store: Store, who: string, known: (id: string) => UserId): Asker {
  const folder = /^agent:(.+)$/.exec(who)?.[1];
  return folder === undefined
    ? { kind: "user", id: who, grants: store.users.grants(known(who)) }
    : { kind: "agent", id: agentGroupAt(store, folder).id };
}
