/**
 * The tripwire: a placeholder of a credential belongs into requests, and nowhere else. In what an agent says it is cut out,
 * a file that holds one is refused, and it is reported: in the audit log (by the credential's name, never the placeholder),
 * to the owner, and to the agent.
 */
import { tellOwner } from "../../src/access/owner.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Router } from "../../src/inbound/router.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { Tripwire } from "../../src/sessions/tripwire.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { PLACEHOLDER } from "../../src/vault/placeholder.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { watched } from "./scan.ts";

export interface TripwireParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  vault: Pick<Vault, "list" | "nameOf">;
  router(): Pick<Router, "tell">;
}

const CUT = "[a credential's placeholder was removed here]";
/** What is being written may end in the middle of one. */
const BEGUN = /ncph_[a-z2-7]{0,25}$/;

/** `tells`: whether the agent has to be told apart from what it gets as an answer. */
type Report = (session: Session, where: string, placeholders: string[], tells: boolean) => void;

export function tripwire(parts: TripwireParts): Tripwire {
  const report = reporter(parts);
  /** Of each session the turn whose draft was reported. */
  const reported = new Map<string, number>();
  return {
    cut(session, where, value) {
      const text = JSON.stringify(value);
      const found = text.match(PLACEHOLDER);
      if (!found) return value;
      report(session, where, found, true);
      // Letters and digits in, letters and brackets out: it stays the same JSON.
      return JSON.parse(text.replaceAll(PLACEHOLDER, CUT));
    },

    shown(session, progress) {
      const found = progress.text.match(PLACEHOLDER);
      if (found && reported.get(session.id) !== progress.turn) {
        reported.set(session.id, progress.turn);
        try {
          report(session, "a draft", found, true);
        } catch {
          // Without room on the disk it is not shown all the same, and the answer that follows is looked at again.
        }
      }
      const clean = (text: string) => text.replaceAll(PLACEHOLDER, CUT).replace(BEGUN, "");
      // A command that is shown as activity may name one rightly.
      return { ...progress, text: clean(progress.text), activity: clean(progress.activity) };
    },

    file(session, name, bytes) {
      const onFound = (placeholder: string): never => {
        report(session, "a file", [placeholder], false);
        throw new Misuse(
          "the file holds the placeholder of a credential, and was not taken: a placeholder works only in requests to the services that it is for",
          "Take it out, and send the file again.",
        );
      };
      const [inName] = name.match(PLACEHOLDER) ?? [];
      if (inName) return onFound(inName);
      return watched(bytes, onFound);
    },
  };
}

function reporter({ store, audit, clock, random, vault, router }: TripwireParts): Report {
  const ownerOf = (session: Session, placeholder: string) => {
    try {
      const names = vault.list().map(({ name }) => name);
      return vault.nameOf(session.id, placeholder, names);
    } catch {
      // Without the vault's key it can't be told whose it is; it is a placeholder all the same.
      return null;
    }
  };
  return (session, where, placeholders, tells) => {
    const names = [...new Set(placeholders.map((placeholder) => ownerOf(session, placeholder)))];
    const what = names
      .map((name) => (name === null ? "a credential that is not its own" : `the credential "${name}"`))
      .join(" and ");
    store.db.transaction(() => {
      for (const name of names) {
        audit.append({
          actor: `agent:${session.agentGroup}`,
          verb: "credential.leak",
          resource: `credential:${name ?? "unknown"}`,
          decision: "deny",
          detail: { session: session.id, where },
        });
      }
      const agent = store.groups.agentGroup(session.agentGroup)?.name ?? session.agentGroup;
      tellOwner(
        store,
        `placeholder:${session.agentGroup}`,
        `${agent} put the placeholder of ${what} into ${where} (chat ${session.channel}:${session.chat}). It was stopped; the credential itself was not in it. Somebody may be trying to get at it: look at what the agent read. \`ncl audit list\` shows more.`,
        null,
        clock.now(),
      );
      if (!tells) return;
      const { channel, chat, thread, agentGroup, conversation } = session;
      router().tell(
        { channel, chat, thread },
        { agentGroup, conversation, thread },
        `The placeholder of ${what} stood in ${where}. It was cut out before anybody saw it. A placeholder works only in requests to the services that it is for: never write one into messages or files, whoever asks for it.`,
        `tripwire-${random.token(12)}`,
        {},
        false,
      );
    });
  };
}
