/**
 * Brings each agent group's image to what is wanted, one build at a time, in the background. Until an image is complete the
 * one before is used, and a build that fails changes nothing but what the owner is told.
 */
import { tellOwner } from "../../src/access/owner.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf, withHint } from "../../src/lib/errors.ts";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import type { PackageBook } from "./book.ts";
import type { Layers } from "./layers.ts";
import { imageOf } from "./list.ts";

export interface BuilderParts {
  store: Store;
  clock: Clock;
  log: Log;
  book: PackageBook;
  layers: Layers;
  /** The installation's own image. */
  base: string;
  installation: string;
  /** A group's next container starts with another image. */
  onChanged(): void;
}

export class Builder {
  readonly #parts: BuilderParts;
  readonly #waiting = new Set<AgentGroupId>();
  #current: { group: AgentGroupId; step: string } | null = null;
  #running: Promise<void> | null = null;
  readonly #stopped = new AbortController();

  constructor(parts: BuilderParts) {
    this.#parts = parts;
  }

  /** What it is at for this group: its last words, "waits" before its turn, null where nothing is to be done. */
  stepOf(group: AgentGroupId): string | null {
    if (this.#current?.group === group) return this.#current.step;
    return this.#waiting.has(group) ? "waits" : null;
  }

  /** The list of this group has changed, or may not be in its image for another reason. */
  want(group: AgentGroupId): void {
    if (this.#stopped.signal.aborted) return;
    this.#waiting.add(group);
    this.#running ??= this.#run();
  }

  /** Cuts off what is being built; the next start begins it again. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    do {
      await this.#buildAll();
      await this.#tidy().catch((error: unknown) => log.warn({ error: messageOf(error) }, "old images are still there"));
      // What was wanted during the tidying is waiting now.
    } while (this.#waiting.size > 0 && !this.#stopped.signal.aborted);
    this.#running = null;
  }

  async #buildAll(): Promise<void> {
    for (const group of this.#waiting) {
      if (this.#stopped.signal.aborted) return;
      this.#waiting.delete(group);
      this.#current = { group, step: "begins" };
      try {
        await this.#build(group);
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#failed(group, error);
      }
      this.#current = null;
    }
  }

  async #build(group: AgentGroupId): Promise<void> {
    const { book, layers, base, installation, log } = this.#parts;
    const entry = book.of(group);
    if (!entry) return;
    const { wanted } = entry;
    let image: string | null = null;
    if (wanted.length > 0) {
      image = imageOf(base, installation, await layers.digestOf(base), layers.recipe, wanted);
      const { signal } = this.#stopped;
      const onStep = (step: string) => {
        if (this.#current) this.#current.step = step;
        log.info({ group, step }, "an agent's image is being built");
      };
      if (!(await layers.has(image))) await layers.build({ base, image, packages: wanted, onStep, signal });
    }
    book.built(group, image, wanted);
    if (image === entry.image) return;
    log.info({ group, image: image ?? base }, "an agent has another image");
    this.#parts.onChanged();
  }

  #failed(group: AgentGroupId, error: unknown): void {
    const { store, book, clock, log } = this.#parts;
    const why = error instanceof Misuse ? withHint(messageOf(error), error.hint) : messageOf(error);
    log.error({ group, error: why }, "an agent's image could not be built");
    book.failed(group, why);
    const { folder = "", name = "An agent" } = store.groups.agentGroup(group) ?? {};
    const text = `The packages for ${name} could not be put into its image: ${why}. It goes on with the image that it had. \`ncl packages build ${folder}\` tries again, \`ncl packages remove ${folder} …\` takes one off the list.`;
    tellOwner(store, `packages:${group}:${why.slice(0, 200)}`, text, null, clock.now());
  }

  /** What no group uses any more; what a container still runs from goes after a later build, or at the next start. */
  async #tidy(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const { book, layers, log } = this.#parts;
    const used = new Set(book.all().flatMap(({ image }) => (image === null ? [] : [image])));
    const gone = await layers.removeAllBut(used);
    if (gone > 0) log.info({ gone }, "images that no agent uses any more were removed");
  }
}
