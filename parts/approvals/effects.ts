/** What the verbs about questions do: `approvals.*`. An answer is judged and recorded where questions are. */
import type { Approval } from "../../src/approvals/approvals.ts";
import type { Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Store } from "../../src/store/store.ts";
import type { Questions } from "./approvals.ts";
import type { History } from "./history.ts";

export function approvalEffects(
  store: Store,
  history: History,
  questions: Questions,
): Pick<Effects, `approvals.${"list" | "show" | "answer"}`> {
  const shown = ({ id, kind, state, agentGroup, title, askedAt, expiresAt, choice, answeredBy }: Approval) => ({
    ...{ question: id, kind, state, title, askedAt, expiresAt, choice: choice ?? "", answeredBy: answeredBy ?? "" },
    group: (agentGroup && store.groups.agentGroup(agentGroup)?.folder) ?? "",
  });
  const whole = (one: Approval) => ({
    ...shown(one),
    text: one.text,
    choices: one.choices.map(({ id, label }, index) => ({ number: index + 1, choice: id, label })),
    chat: one.address ? `${one.address.channel}:${one.address.chat}` : "",
    ...{ session: one.session ?? "", payload: one.payload, hash: one.hash },
    ...{ answeredAt: one.answeredAt, usedAt: one.usedAt },
  });
  return {
    "approvals.list": ({ state, limit }) => history.list(state ?? null, limit).map(shown),
    "approvals.show": ({ question }) => {
      const one = history.approval(question);
      if (one) return whole(one);
      throw new Misuse(`there is no question ${question}`, "`ncl approvals list` shows them.");
    },
    "approvals.answer": ({ question, choice }, { actor }) => {
      const answered = questions.answer(actor, { id: question, choice, hash: null }, null);
      if (!answered.ok)
        throw new Misuse(`nothing was decided: ${answered.why}`, "`ncl approvals list` shows what waits.");
      return { question, state: history.approval(question)?.state ?? "void", said: answered.text };
    },
  };
}
