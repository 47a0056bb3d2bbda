/** Who runs in which image: a container whose agent has another one by now ends as soon as it has nothing to do. */
import type { Clock } from "../../src/lib/clock.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";

export interface RolloutParts {
  store: Store;
  clock: Clock;
  /** What the group's next container starts with; null where it never had an image of its own. */
  imageOf(group: AgentGroupId): string | null;
  /** Ends the idle containers of these sessions; a turn that runs is left alone. */
  dismiss(those: (id: SessionId) => boolean): void;
}

export class Rollout {
  readonly #parts: RolloutParts;
  /** The images that containers were started with. One that was found running is not known, so it counts as old. */
  readonly #started = new Map<SessionId, string>();

  constructor(parts: RolloutParts) {
    this.#parts = parts;
    // After the turn's end, when the session knows of it as well.
    parts.store.inbox.onEnd(() => void parts.clock.after(0, () => this.recycle()));
  }

  started(session: SessionId, image: string): void {
    this.#started.set(session, image);
  }

  /** Ends what is idle and old. What is busy comes here again at the end of its turn. */
  recycle(): void {
    this.#parts.dismiss((id) => this.#isOld(id));
  }

  #isOld(id: SessionId): boolean {
    const group = this.#parts.store.sessions.session(id)?.agentGroup;
    const image = group === undefined ? null : this.#parts.imageOf(group);
    return image !== null && this.#started.get(id) !== image;
  }
}
