/**
 * Extra mounts: folders of the host that a person lets an agent see. Two yeses are needed, one for the folder and one for the
 * agent, and each is looked at again at every start of a container.
 */

import { lstatSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { tellOwner } from "../../src/access/owner.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Paths } from "../../src/lib/paths.ts";
import type { Mount } from "../../src/sandbox/sandbox.ts";
import type { Store } from "../../src/store/store.ts";
import { type Book, type Grant, readBook, writeBook } from "./book.ts";
import { exposureOf } from "./exposure.ts";
import { isWithin, judgeGrant, judgePlace } from "./policy.ts";

export interface MountParts {
  store: Store;
  clock: Clock;
  log: Log;
  paths: Pick<Paths, "root" | "data" | "config" | "run" | "groups">;
  home?: string;
}

export interface Mounts {
  /** What a session's container gets beside its own. What can't be mounted any more is left out, and the owner is told. */
  of(group: string): Mount[];
  effects: Pick<Effects, `mounts.${"list" | "check" | "allow" | "forbid" | "add" | "remove"}`>;
}

export function extraMounts({ store, clock, log, paths, home = homedir() }: MountParts): Mounts {
  const file = join(paths.config, "mounts.json");
  const own = [paths.root, paths.data, paths.config, paths.run, paths.groups];
  const now = () => clock.now();

  /** @throws Misuse with what is wrong with the folder */
  const realFolder = (path: string): string => {
    const plain = resolve(path);
    const stats = lstatSync(plain, { throwIfNoEntry: false });
    if (!stats) throw new Misuse(`${plain} is not there`, "Give the path of a folder on this machine.");
    const real = realpathSync(plain);
    if (real !== plain)
      throw new Misuse(`${plain} leads to ${real} by a link`, `Name ${real} itself: a link can be turned.`);
    if (!stats.isDirectory()) throw new Misuse(`${plain} is no folder`, "Only folders can be mounted.");
    const verdict = judgePlace(real, realpathSync(home), own);
    if (!verdict.ok)
      throw new Misuse(
        `${real} is never given to an agent: ${verdict.why}`,
        "Choose a folder with nothing but what the agent needs.",
      );
    return real;
  };
  const writesInto = (folder: string, { grants }: Book) =>
    grants.find(({ path, write }) => write && (isWithin(folder, path) || isWithin(path, folder)));
  const look = async (path: string) => {
    const folder = realFolder(path);
    const writer = writesInto(folder, readBook(file));
    // What an agent can write is never walked by the host.
    if (writer)
      throw new Misuse(
        `the agent ${writer.group} can write into ${folder}, so it is not looked at`,
        "Stop granting it for writing first: `ncl mounts remove`.",
      );
    return { folder, exposure: await exposureOf(folder, now) };
  };
  /** @throws Misuse where it must not be mounted (any more) */
  const mountOf = ({ path, name, write }: Grant, { allowed }: Book): Mount => {
    const real = realFolder(path);
    const verdict = judgeGrant(real, write, allowed);
    if (!verdict.ok)
      throw new Misuse(
        `${real} can't be mounted: ${verdict.why}`,
        `\`ncl mounts allow ${real}${write ? " --write" : ""}\` allows it.`,
      );
    return { source: real, target: `/mnt/${name}`, readOnly: verdict.readOnly };
  };

  return {
    of(group) {
      const book = readBook(file);
      return book.grants
        .filter((grant) => grant.group === group)
        .flatMap((grant) => {
          try {
            return [mountOf(grant, book)];
          } catch (error) {
            log.warn({ group, path: grant.path, error: messageOf(error) }, "a mount is left out");
            const text = `The folder ${grant.path} is not given to ${group} any more: ${messageOf(error)}. The agent goes on without it; \`ncl mounts list\` shows what it gets.`;
            tellOwner(store, `mount:${group}:${grant.path}`, text, null, now());
            return [];
          }
        });
    },
    effects: {
      "mounts.list": () => {
        const book = readBook(file);
        const state = (grant: Grant) => {
          try {
            mountOf(grant, book);
            return "mounted at the next start";
          } catch (error) {
            return `left out: ${messageOf(error)}`;
          }
        };
        return [
          ...book.allowed.map(({ path, write }) => ({ path, write, group: "", inside: "", state: "allowed" })),
          ...book.grants.map((grant) => ({
            ...{ path: grant.path, write: grant.write, group: grant.group, inside: `/mnt/${grant.name}` },
            state: state(grant),
          })),
        ];
      },
      "mounts.check": async ({ path }) => {
        const { folder, exposure } = await look(path);
        return { path: folder, ...exposure };
      },
      "mounts.allow": ({ path, write }, { record }) => {
        const real = realFolder(path);
        return record(
          `mount:${real}`,
          () => {
            const book = readBook(file);
            writeBook(file, {
              ...book,
              allowed: [...book.allowed.filter((one) => one.path !== real), { path: real, write }],
            });
            return { done: true };
          },
          { write },
        );
      },
      "mounts.forbid": ({ path }, { record }) => {
        const plain = resolve(path);
        return record(`mount:${plain}`, () => {
          const book = readBook(file);
          if (!book.allowed.some((one) => one.path === plain))
            throw new Misuse(`${plain} is not allowed anyway`, "`ncl mounts list` shows what is.");
          writeBook(file, { ...book, allowed: book.allowed.filter((one) => one.path !== plain) });
          return { done: true };
        });
      },
      "mounts.add": async ({ folder: group, path, write, name, sensitive }, { record }) => {
        agentGroupAt(store, group);
        const { folder, exposure } = await look(path);
        const { special, sensitive: finds } = exposure;
        if (special.length > 0)
          throw new Misuse(
            `${folder} holds sockets, pipes or devices (${special.slice(0, 5).join(", ")}), which lead out of a box`,
            "Choose a folder without them.",
          );
        if (finds.length > 0 && !sensitive)
          throw new Misuse(
            `${folder} seems to hold secrets: ${finds.slice(0, 10).join(", ")}`,
            "Choose another folder, or say --sensitive if the agent may read them.",
          );
        return record(
          `agent group:${group}`,
          () => {
            const book = readBook(file);
            const fallback =
              basename(folder)
                .replace(/[^a-zA-Z0-9_-]/g, "-")
                .replace(/^[-_]+/, "")
                .slice(0, 50) || "folder";
            const grant: Grant = { group, path: folder, name: name ?? fallback, write };
            const others = book.grants.filter((one) => one.group !== group || one.path !== folder);
            if (others.some((one) => one.group === group && one.name === grant.name))
              throw new Misuse(
                `${group} has another folder as /mnt/${grant.name}`,
                "Give it another name with --name.",
              );
            const mount = mountOf(grant, book);
            // Two agents that write into one folder can pass each other whatever they like.
            const shared = others.filter(
              (one) =>
                one.group !== group &&
                (one.write || write) &&
                (isWithin(one.path, folder) || isWithin(folder, one.path)),
            );
            writeBook(file, { ...book, grants: [...others, grant] });
            const warning =
              shared.length > 0
                ? `It joins ${group} with ${[...new Set(shared.map((one) => one.group))].join(", ")}: what one writes, the other reads.`
                : "";
            return { path: folder, ...exposure, inside: mount.target, readOnly: mount.readOnly, warning };
          },
          { path: folder, write },
        );
      },
      "mounts.remove": ({ folder: group, path }, { record }) => {
        const plain = resolve(path);
        return record(
          `agent group:${group}`,
          () => {
            const book = readBook(file);
            const left = book.grants.filter((one) => one.group !== group || one.path !== plain);
            if (left.length === book.grants.length)
              throw new Misuse(`${group} does not get ${plain}`, "`ncl mounts list` shows what it gets.");
            writeBook(file, { ...book, grants: left });
            return { done: true };
          },
          { path: plain },
        );
      },
    },
  };
}
