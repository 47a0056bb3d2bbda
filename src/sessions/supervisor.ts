/** All sessions that are not asleep: wakes them on work, adopts and recovers them at the start, ends them at the stop. */
import { sleep } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { SessionId } from "../lib/ids.ts";
import { Admission } from "./admission.ts";
import { Deadlines } from "./deadlines.ts";
import type { StateName } from "./machine.ts";
import { type ActorParts, SessionActor } from "./session-actor.ts";

export interface SupervisorOptions extends ActorParts {
  /** Containers that may run at once. */
  maxContainers: number;
}

/** Until an engine that did not answer is asked again for containers that still run, milliseconds. */
const ASK_AGAIN = 10_000;
/** A stop waits so long for containers to end, milliseconds; what still runs then is found again at the next start. */
const STOP_LIMIT = 30_000;
/** Turns that run when the host is stopped may come to their end for so long first, milliseconds. */
const FINISH_LIMIT = 10_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #actors = new Map<SessionId, SessionActor>();
  readonly #admission: Admission;
  readonly #deadlines: Deadlines;
  #stopping = false;
  /** What an earlier process left is taken over: until then nobody knows what runs. */
  #tookOver = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#admission = new Admission(options.maxContainers, () => this.#evictOne());
    this.#deadlines = new Deadlines({ ...options, causeOf: (id) => this.#whyItWaits(id) });
  }

  /**
   * Takes over what an earlier process left: containers that still run are adopted, of the others everything that
   * they committed is taken, and sessions with work are woken. Where the engine can't tell what runs, nothing is started
   * until it can; the conversations that wait are told.
   */
  async start(): Promise<void> {
    const { driver, labels, store, clock, log } = this.#options;
    if (this.#stopping) return;
    this.#admission.close();
    try {
      for (const { labels: found, sandbox } of await driver.survivors(labels)) {
        const actor = this.#actor(found["nanoclaw.session"] as SessionId);
        if (actor) await actor.adopt(sandbox);
        else await sandbox.stop(0);
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, "the engine can't be asked for containers that still run");
      for (const id of store.sessions.unsettled()) this.#actor(id)?.sayCannotStart(error);
      this.#deadlines.arm();
      clock.after(ASK_AGAIN, () => void this.start());
      return;
    }
    for (const id of store.sessions.unsettled()) await this.#actor(id)?.recover();
    this.#tookOver = true;
    this.#admission.open();
    this.#deadlines.arm();
    log.info(this.counts(), "sessions are up");
  }

  /** A row was added to the session's inbox. */
  wake(id: SessionId): void {
    if (this.#stopping) return;
    this.#actor(id)?.work();
    this.#deadlines.arm();
  }

  /** Nobody will speak to this session again. Resolves when its container is gone and what that left is taken. */
  async dismiss(id: SessionId): Promise<void> {
    await this.#actors.get(id)?.shutdown();
    this.#actors.delete(id);
  }

  /** Containers with nothing to do end, those of all sessions or of some; the next ones are made anew. */
  dismissAll(those: (id: SessionId) => boolean = () => true): void {
    for (const [id, actor] of this.#actors) if (those(id)) actor.handle("evict");
  }

  /** What waits and runs there was stopped, as the database says. */
  stopWork(id: SessionId): void {
    if (this.#tookOver) this.#actor(id)?.stopWork();
  }

  /** The session begins anew, as the database says: a container that still knows the old conversation ends. */
  renew(id: SessionId): void {
    this.#actors.get(id)?.renew();
  }

  stateOf(id: SessionId): StateName {
    return this.#actors.get(id)?.state ?? "cold";
  }

  /** Sessions that wait for a container slot. */
  get waiting(): number {
    return this.#admission.waiting;
  }

  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { state } of this.#actors.values()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  /**
   * Ends every container. Turns that run are given a little time to end; those that don't are taken up again at the next
   * start.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#deadlines.stop();
    const { clock } = this.#options;
    const all = (end: (actor: SessionActor) => Promise<void>) => Promise.all([...this.#actors.values()].map(end));
    await Promise.race([sleep(clock, FINISH_LIMIT), all((actor) => actor.finish())]);
    await Promise.race([sleep(clock, STOP_LIMIT), all((actor) => actor.shutdown())]);
  }

  #actor(id: SessionId): SessionActor | null {
    const known = this.#actors.get(id);
    if (known) return known;
    const session = this.#options.store.sessions.session(id);
    if (!session) return null;
    const actor = new SessionActor(session, this.#options, this.#admission);
    this.#actors.set(id, actor);
    return actor;
  }

  #whyItWaits(id: SessionId): string {
    const actor = this.#actors.get(id);
    if (actor?.state === "waiting")
      return `all ${this.#options.maxContainers} places for agents are taken, and ${this.#admission.before(id)} wait before you`;
    return actor?.whyItWaits ?? "NanoClaw has only just started";
  }

  #evictOne(): void {
    const idle = [...this.#actors.values()].filter((actor) => actor.isIdle).sort((a, b) => a.since - b.since);
    idle[0]?.handle("evict");
  }
}
