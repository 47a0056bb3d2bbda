/** Lists of packages as pure data: what a change comes to, and the name of the image that holds a list. */
import { createHash } from "node:crypto";

/** Where it comes from and its name, without a version. */
const nameOf = (one: string) => /^(apt:[^=]+|npm:@?[^@]+)/.exec(one)?.[0] ?? one;

export interface Change {
  packages: string[];
  added: string[];
  removed: string[];
}

/** A package that is named with another version takes the place of the one before. */
export function withPackages(before: string[], more: string[]): Change {
  const named = new Map([...before, ...more].map((one) => [nameOf(one), one]));
  return difference(before, [...named.values()]);
}

/** @returns also the names that are not in the list */
export function withoutPackages(before: string[], fewer: string[]): Change & { unknown: string[] } {
  const gone = new Set(fewer.map(nameOf));
  const known = new Set(before.map(nameOf));
  const left = before.filter((one) => !gone.has(nameOf(one)));
  return { ...difference(before, left), unknown: fewer.filter((one) => !known.has(nameOf(one))) };
}

function difference(before: string[], after: string[]): Change {
  const packages = after.toSorted();
  return {
    packages,
    added: packages.filter((one) => !before.includes(one)),
    removed: before.filter((one) => !packages.includes(one)),
  };
}

/**
 * The tag of a base image with these packages: the same list on the same base has the same name, so it is built once.
 * @param base what tells the base's content from others, such as the digests of its layers
 * @param recipe the text of what builds it
 */
export function imageOf(image: string, installation: string, base: string, recipe: string, packages: string[]): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([base, recipe, packages.toSorted()]))
    .digest("hex");
  return `${image.replace(/:[^:/]*$/, "")}:${installation}-${hash.slice(0, 16)}`;
}
