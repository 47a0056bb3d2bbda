/** Packages of agents: what the owner puts into an agent's image beside the usual, built in the background, one layer. */
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Paths } from "../../src/lib/paths.ts";
import type { ContainerPlan } from "../../src/sessions/session-actor.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";
import { PackageBook } from "./book.ts";
import { Builder } from "./builder.ts";
import { DockerLayers, type Layers } from "./layers.ts";
import { type Change, withoutPackages, withPackages } from "./list.ts";
import { Rollout, type RolloutParts } from "./rollout.ts";

export interface PackageParts extends Pick<RolloutParts, "dismiss"> {
  store: Store;
  clock: Clock;
  log: Log;
  paths: Pick<Paths, "root" | "image" | "installation">;
  layers?: Layers;
}

export interface Packages {
  /** What the group's next container starts with. */
  imageOf(group: Pick<AgentGroup, "id">): string;
  /** What this container starts with, which is remembered. */
  imageFor(plan: Pick<ContainerPlan, "session" | "group" | "errand">): string;
  /** After the sessions are up: builds what is not as it should be, such as after a change of the image below. */
  start(): void;
  stop(): Promise<void>;
  effects: Pick<Effects, `packages.${"add" | "remove" | "list" | "status" | "build"}`>;
}

/** Packages of one agent. */
const MOST = 100;

export function agentPackages({ store, clock, log, paths, dismiss, layers }: PackageParts): Packages {
  const book = new PackageBook(store.db);
  const imageOf = ({ id }: Pick<AgentGroup, "id">) => book.of(id)?.image ?? paths.image;
  const rollout = new Rollout({
    ...{ store, clock, dismiss },
    imageOf: (id) => (book.of(id) ? imageOf({ id }) : null),
  });
  const builder = new Builder({
    ...{ store, clock, log, book, base: paths.image, installation: paths.installation },
    layers: layers ?? new DockerLayers(paths.root, paths.installation),
    onChanged: () => rollout.recycle(),
  });

  const status = ({ id, folder }: AgentGroup) => {
    const { wanted = [], image = null, trouble = "" } = book.of(id) ?? {};
    const step = builder.stepOf(id);
    const state = step !== null ? "building" : trouble !== "" ? "failed" : "ready";
    const next =
      state === "failed" ? `\`ncl packages build ${folder}\` tries again; until then the image stays as it is.` : "";
    return {
      group: folder,
      packages: wanted,
      state,
      image: image ?? paths.image,
      step: step ?? "",
      trouble,
      next,
    } as const;
  };
  const change = (
    { id, folder }: AgentGroup,
    { packages, added, removed }: Change,
    dryRun: boolean,
    { record }: Pick<EffectContext, "record">,
  ) => {
    if (packages.length > MOST)
      throw new Misuse(`"${folder}" would have more than ${MOST} packages`, "Remove some with `ncl packages remove`.");
    const told = { added, removed, packages };
    if (added.length + removed.length === 0) return { applied: false, ...told, next: "It is so already." };
    const how =
      packages.length === 0
        ? "Its containers start with the usual image again"
        : "The image is built in the background";
    const next = `${how}; a turn that runs ends as it began, the next container has it. \`ncl packages status ${folder}\` shows how far it is.`;
    if (dryRun) return { applied: false, ...told, next };
    record(`agent group:${folder}`, () => book.want(id, packages), { added, removed });
    builder.want(id);
    return { applied: true, ...told, next };
  };

  return {
    imageOf,
    imageFor({ session, group, errand }) {
      const image = imageOf(group);
      if (errand === null) rollout.started(session.id, image);
      return image;
    },
    start() {
      for (const { agentGroup } of book.all()) builder.want(agentGroup);
      rollout.recycle();
    },
    stop: () => builder.stop(),
    effects: {
      "packages.add": ({ folder, packages, dryRun }, context) => {
        const group = agentGroupAt(store, folder);
        return change(group, withPackages(book.of(group.id)?.wanted ?? [], packages), dryRun, context);
      },
      "packages.remove": ({ folder, packages, dryRun }, context) => {
        const group = agentGroupAt(store, folder);
        const { unknown, ...left } = withoutPackages(book.of(group.id)?.wanted ?? [], packages);
        if (unknown.length > 0)
          throw new Misuse(`"${folder}" does not have ${unknown.join(", ")}`, "`ncl packages list` shows what it has.");
        return change(group, left, dryRun, context);
      },
      "packages.list": () =>
        book.all().flatMap(({ agentGroup, wanted, held, trouble }) => {
          const step = builder.stepOf(agentGroup);
          const missing =
            step === "waits" ? "waits" : step !== null ? "being built" : trouble !== "" ? "failed" : "waits";
          const group = store.groups.agentGroup(agentGroup)?.folder ?? "";
          return wanted.map((one) => ({ group, package: one, state: held.includes(one) ? "in the image" : missing }));
        }),
      "packages.status": ({ folder }) => status(agentGroupAt(store, folder)),
      "packages.build": ({ folder }, { record }) => {
        const group = agentGroupAt(store, folder);
        const entry = book.of(group.id);
        if (!entry) throw new Misuse(`"${folder}" has no packages of its own`, "`ncl packages add` gives it some.");
        record(`agent group:${folder}`, () => book.want(group.id, entry.wanted));
        builder.want(group.id);
        return status(group);
      },
    },
  };
}
