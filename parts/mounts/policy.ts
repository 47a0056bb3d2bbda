/** May this folder be mounted at all, and how? Pure: from real paths to a verdict with its reason. */
import { posix } from "node:path";
import { anywhere, inHome, ofMachine } from "./secret-places.ts";

export interface Allowed {
  path: string;
  /** The owner lets agents write there, where their grant says so too. */
  write: boolean;
}

export type PlaceVerdict = { ok: true } | { ok: false; why: string };

/** @param own NanoClaw's own folders, which are never mounted by a person's wish */
export function judgePlace(real: string, home: string, own: string[]): PlaceVerdict {
  const name = real.split("/").find((part) => anywhere.includes(part));
  if (name) return { ok: false, why: `${name} holds keys or profiles wherever it lies` };
  const secret = [...inHome.map((place) => posix.join(home, place)), ...ofMachine];
  for (const [places, what] of [
    [own, "NanoClaw's own files"],
    [secret, "keys, profiles, start files or the system itself"],
  ] as const) {
    const hit = places.find((place) => isWithin(real, place) || isWithin(place, real));
    if (hit) {
      const how = hit === real ? "is" : isWithin(real, hit) ? "lies in" : "has below it";
      return { ok: false, why: `it ${how} ${hit}: ${what}` };
    }
  }
  return { ok: true };
}

export type GrantVerdict = { ok: true; readOnly: boolean } | { ok: false; why: string };

/** Writable only where the allowlist and the grant both say so; the closest allowed folder decides. */
export function judgeGrant(real: string, wantsWrite: boolean, allowed: Allowed[]): GrantVerdict {
  const above = allowed.filter(({ path }) => isWithin(real, path)).sort((a, b) => b.path.length - a.path.length);
  const [closest] = above;
  if (!closest) return { ok: false, why: "it is in no allowed folder" };
  if (wantsWrite && !closest.write) return { ok: false, why: `${closest.path} is allowed for reading only` };
  return { ok: true, readOnly: !wantsWrite };
}

/** The folder itself, or something below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
