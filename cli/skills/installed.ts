/** What is installed for a skill: its packages, in which versions, and how much of the disk they take. */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";

export interface InstalledPackage {
  name: string;
  /** What the skill asks for. */
  wanted: string;
  /** Null where it is not there. */
  installed: string | null;
}

/** The packages that a skill names itself. @param folder of the skill, from the project folder on */
export function packagesOf(root: string, folder: string): InstalledPackage[] {
  const own = join(folder, "package.json");
  if (!existsSync(join(root, own))) return [];
  const manifest = manifestIn(join(root, folder));
  if (!manifest) throw new Misuse(`${own} can't be read`, `Bring it back: git checkout -- ${own}`);
  return Object.entries(manifest.dependencies ?? {}).map(([name, wanted]) => {
    const installed = manifestIn(join(root, folder, "node_modules", name))?.version ?? null;
    return { name, wanted, installed };
  });
}

/**
 * Bytes of what is installed for a skill, with all that these packages need themselves. What other parts of the project
 * need too is in it, so that removing the skill may free less.
 */
export function sizeOf(root: string, folder: string): number {
  const packages = new Set<string>();
  const looked = new Set<string>();
  const left = [join(root, folder, MODULES)];
  for (let modules = left.pop(); modules !== undefined; modules = left.pop()) {
    if (looked.has(modules) || !existsSync(modules)) continue;
    looked.add(modules);
    for (const name of namesIn(modules)) {
      const place = realpathSync(join(modules, name));
      // Beside a package lie those that it needs.
      const beside = place.lastIndexOf(`${sep}${MODULES}${sep}`);
      // What is linked from the project itself is not installed.
      if (beside < 0) continue;
      packages.add(place);
      left.push(place.slice(0, beside + 1 + MODULES.length));
    }
  }
  return [...packages].reduce((sum, place) => sum + bytesIn(place), 0);
}

const MODULES = "node_modules";

function namesIn(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => (name.startsWith("@") ? scopedNames(modules, name) : name))
    .filter((name) => existsSync(join(modules, name)));
}

const scopedNames = (modules: string, scope: string) =>
  readdirSync(join(modules, scope))
    .filter((name) => !name.startsWith("."))
    .map((name) => join(scope, name));

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

interface Manifest {
  version?: string;
  dependencies?: Record<string, string>;
}

function manifestIn(folder: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  } catch {
    return null;
  }
}
