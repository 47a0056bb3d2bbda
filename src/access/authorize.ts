/**
 * The one gate: who may do what, as a pure function over what each verb declares. Whoever asks (a person in chat, the
 * command line, an agent) passes here, and the caller writes the decision to the audit log in the transaction of the effect.
 */
import type { Role, Verb } from "../../api/verb.ts";
import type { Session } from "../store/sessions.ts";
import type { Grant } from "../store/users.ts";

export type Actor =
  /** Someone on the machine who can open the control socket; the socket is private to the owner's account. */
  | { kind: "operator" }
  /** A person, with all that they may, whichever of their handles they use. */
  | { kind: "user"; id: string; grants: readonly Grant[] }
  /** An agent group: the session that asks, with the numbers of its turn and of the row that asks, and the turn's record. */
  | { kind: "agent"; id: string; session: Session; turn: number; number: number; cause: number | null };

/** Whoever asks, as far as the gate needs to know. */
export type Asker =
  | { kind: "operator" }
  | { kind: "user"; id: string; grants: readonly Grant[] }
  | { kind: "agent"; id: string };

/** What a verb touches. What it finds out only when it is carried out, it asks the gate about once more then. */
export type Resource = { of: "all" } | { of: "group"; id: string } | { of: "later" };

export interface Decision {
  allow: boolean;
  why: string;
}

/** How the audit log names an actor. */
export function actorName(actor: Actor): string {
  switch (actor.kind) {
    case "operator":
      return "operator";
    case "user":
      return actor.id;
    case "agent":
      return `agent:${actor.id}`;
  }
}

/** From the highest on: each may do what those after it may. */
const ranks: Role[] = ["owner", "admin", "member", "guest"];

export function isAtLeast(role: Role, least: Role): boolean {
  return ranks.indexOf(role) <= ranks.indexOf(least);
}

const named: Record<Role, string> = { owner: "an owner", admin: "an admin", member: "a member", guest: "a guest" };

/**
 * @param name of the verb, for the reason
 * @param needs what the verb declares: the least role of a person, and whether it is open to agents
 * @returns the decision with its reason, for the person and for the audit log
 */
export function authorize(
  actor: Asker,
  name: string,
  needs: Pick<Verb, "least" | "agents">,
  resource: Resource,
): Decision {
  switch (actor.kind) {
    case "operator":
      return { allow: true, why: "the operator owns this installation" };
    case "user":
      return person(actor.id, actor.grants, name, needs.least, resource);
    case "agent":
      if (!needs.agents) return { allow: false, why: `"${name}" needs ${named[needs.least]}; an agent can't do it` };
      return resource.of !== "group" || resource.id === actor.id
        ? { allow: true, why: `"${name}" is open to agents` }
        : { allow: false, why: "that belongs to another agent" };
  }
}

function person(id: string, grants: readonly Grant[], name: string, least: Role, resource: Resource): Decision {
  const covers = ({ agentGroup }: Grant) =>
    agentGroup === null || resource.of === "later" || (resource.of === "group" && resource.id === agentGroup);
  const good = grants.find((grant) => isAtLeast(grant.role, least) && covers(grant));
  if (good) return { allow: true, why: `${id} is ${named[good.role]}` };
  const needed = `"${name}" needs ${named[least]}`;
  const elsewhere = grants.some((grant) => isAtLeast(grant.role, least));
  if (elsewhere && resource.of === "all")
    return { allow: false, why: `${needed} of all agents, and ${id} is one of a single agent` };
  if (elsewhere) return { allow: false, why: `${needed} of that agent, and ${id} is one of another` };
  const highest = ranks.find((role) => grants.some((grant) => grant.role === role && covers(grant)));
  return { allow: false, why: `${needed}, and ${id} is ${highest ? named[highest] : "none"}` };
}
