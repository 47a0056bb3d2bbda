/**
 * `ncl prove` and `ncl sandbox describe`: what an agent's container gets, and the proof that it is closed. A part that the way
 * of a message can do without; it has no table, and leaves nothing behind but an audit record.
 */

import { join } from "node:path";
import type { ProofLine } from "../../api/results.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import { containerSpec } from "../../src/sessions/container.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import { attacks } from "./attacks/index.ts";
import { controls } from "./controls.ts";
import { inWords } from "./describe.ts";
import { realMail } from "./mail.ts";
import { prove, type Verdict } from "./prover.ts";
import type { ProverParts } from "./stage.ts";

export interface ProveParts extends Omit<ProverParts, keyof typeof realMail> {
  store: Store;
}

/** Neither is in the way of a session: they use no place of the queue, and the host goes on meanwhile. */
export function proof(parts: ProveParts): Pick<Effects, "sandbox.describe" | "sandbox.prove"> {
  let running = false;
  const groupAt = (folder: string, runtime: string | undefined): AgentGroup => {
    const group = agentGroupAt(parts.store, folder);
    return runtime === undefined ? group : { ...group, runtime: runtime === "default" ? null : runtime };
  };

  async function* proving(group: AgentGroup, { record, signal }: EffectContext): AsyncGenerator<ProofLine> {
    if (running) throw new Misuse("a proof is under way already", "Wait for its end, and try again.");
    running = true;
    try {
      record(`agent group:${group.id}`, () => {}, { runtime: group.runtime });
      yield { type: "start", group: group.folder, runtime: group.runtime ?? "default", attacks: attacks.length };
      await parts.driver.check();
      const count = { held: 0, failed: 0, notGiven: 0 };
      for await (const verdict of prove({ ...parts, ...realMail }, group, signal)) {
        if (verdict.held === "not given") count.notGiven += 1;
        else if (verdict.held) count.held += 1;
        else count.failed += 1;
        yield lineOf(verdict);
      }
      // A proof that was broken off has proven nothing.
      yield { type: "end", ok: count.failed === 0 && count.held > 0 && !signal.aborted, ...count };
    } finally {
      running = false;
    }
  }

  return {
    async "sandbox.describe"({ folder, runtime }) {
      await parts.driver.check();
      const group = groupAt(folder, runtime);
      const { paths, store } = parts;
      const id = "s-example" as SessionId;
      const session = {
        id,
        agentGroup: group.id,
        conversation: "",
        channel: "",
        chat: "",
        thread: null,
        runtime: null,
      };
      const plan = {
        session: { ...session, outboundCursor: 0, lastActiveAt: 0 },
        ...{ group, groupFolder: join(paths.groups, group.folder), socketDir: join(paths.run, "s", id) },
        folder: sessionFolder(paths.sessions, { ...session, outboundCursor: 0, lastActiveAt: 0 }),
        ...{ timeZone: store.users.timeZone(), errand: null },
      };
      const spec = containerSpec(plan, paths, parts.labels, {
        image: parts.imageOf(group),
        extraMounts: parts.mountsOf(group),
        real: (path) => path,
      });
      return {
        group: group.folder,
        words: inWords(spec, parts.driver.lacks(spec.runtime)),
        command: parts.driver.describe(spec),
      };
    },
    "sandbox.prove": ({ folder, runtime }, context) => proving(groupAt(folder, runtime), context),
  };
}

const lineOf = ({ control, ...verdict }: Verdict): ProofLine => ({
  type: "attack",
  ...verdict,
  control: controls[control],
});
