/**
 * What agents say by a tool: `messages.*`. Each is an outbox row, written in the transaction that takes the row which asks,
 * so it is said once however often the runner is asked for it.
 */
import type { Channel } from "../../src/channels/channel.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { OutgoingFile } from "../../src/store/outbox.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";

export interface MessageParts {
  store: Store;
  clock: Clock;
  channel(id: string): Channel | undefined;
  /** A file that the session's agent handed over. @throws Misuse where there is none such */
  sentFile(session: Session, id: string): OutgoingFile;
}

export function messageEffects(parts: MessageParts): Pick<Effects, `messages.${"send" | "edit" | "react"}`> {
  const { store, clock } = parts;
  const can = ({ channel }: Session, what: "edits" | "reactions" | "files") => {
    if (parts.channel(channel)?.capabilities[what] === false) throw new Misuse(`${channel} has no ${what}`);
  };
  const row = (session: Session, turn: number, number: number) => ({
    ...{ sessionId: session.id, turn, author: "agent" as const },
    address: session,
    key: `${session.id}:${number}`,
  });
  return {
    "messages.send": ({ text, files: ids }, context) => {
      const { session, turn, number } = agentOf(context);
      if (text.trim() === "" && ids.length === 0) throw new Misuse("the message is empty");
      if (ids.length > 0) can(session, "files");
      const files = ids.map((id) => parts.sentFile(session, id));
      return context.record(
        `session:${session.id}`,
        (cause) => {
          const said = store.outbox.takeOver(session.id, turn, text, files);
          if (said !== null) return { message: said };
          store.outbox.add({ ...row(session, turn, number), text, files, number, cause }, clock.now());
          return { message: number };
        },
        { number, files: files.map(({ name }) => name) },
      );
    },

    "messages.edit": ({ message, text }, context) => {
      const { session, turn, number } = agentOf(context);
      can(session, "edits");
      const [target, second] = store.outbox.byNumber(session.id, message);
      if (target?.author !== "agent") throw new Misuse(`message ${message} is none of yours in this chat`);
      if (second) throw new Misuse(`message ${message} went out in several parts and can't be changed`);
      return context.record(`session:${session.id}`, (cause) => {
        const edit = { kind: "edit", over: target.id, number, cause } as const;
        store.outbox.add({ ...row(session, turn, number), ...edit, text }, clock.now());
        return { message };
      });
    },

    "messages.react": ({ message, emoji }, context) => {
      const { session, turn, number } = agentOf(context);
      can(session, "reactions");
      const target =
        store.inbox.platformIdOf(session.id, message) ?? store.outbox.byNumber(session.id, message)[0]?.platformId;
      if (!target) throw new Misuse(`there is no message ${message} that was delivered here`);
      return context.record(`session:${session.id}`, (cause) => {
        const reaction = { kind: "reaction", target, number, cause } as const;
        store.outbox.add({ ...row(session, turn, number), ...reaction, text: emoji }, clock.now());
        return { done: true as const };
      });
    },
  };
}

function agentOf({ actor }: EffectContext) {
  if (actor.kind === "agent") return actor;
  throw new Misuse("only an agent can do that, in a turn", "`ncl chat send` says something in a chat.");
}
