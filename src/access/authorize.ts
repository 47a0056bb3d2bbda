/**
 * The one gate: who may do what, as a pure function over a table. Whoever asks (a person in chat, the command line,
 * an agent) passes here, and the caller writes the decision to the audit log in the transaction of the effect.
 */
import type { Authority } from "../../api/verbs.ts";
import type { Session } from "../store/sessions.ts";

export type Actor =
  /** Someone on the machine who can open the control socket; the socket is private to the owner's account. */
  | { kind: "operator" }
  | { kind: "user"; id: string; owner: boolean }
  /** An agent group: the session that asks, with the numbers of its turn and of the row that asks, and the turn's record. */
  | { kind: "agent"; id: string; session: Session; turn: number; number: number; cause: number | null };

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

/**
 * @param needs the lowest authority that the verb asks for, as declared with the verb
 * @param group the agent group whose thing it touches; null where that is not known yet, or where it is nobody's
 * @returns the decision with its reason, for the person and for the audit log
 */
export function authorize(actor: Actor, verb: string, needs: Authority, group: string | null = null): Decision {
  switch (actor.kind) {
    case "operator":
      return { allow: true, why: "the operator owns this installation" };
    case "user":
      return actor.owner
        ? { allow: true, why: `${actor.id} is an owner` }
        : { allow: false, why: `"${verb}" needs an owner, and ${actor.id} is none` };
    case "agent":
      if (needs !== "agent") return { allow: false, why: `"${verb}" needs an owner; an agent can't do it` };
      return group === null || group === actor.id
        ? { allow: true, why: `"${verb}" is open to agents` }
        : { allow: false, why: "that belongs to another agent" };
  }
}
