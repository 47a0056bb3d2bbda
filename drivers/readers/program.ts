/**
 * The reader's code as one text without types. A process that runs `.ts` files by itself loads a compiler for that
 * (20 MB); one that gets plain JavaScript does not, and needs no right to read a single file of the project.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, resolve } from "node:path";

const RELATIVE_IMPORT = /\bfrom "(\.{1,2}\/[^"]+\.ts)"/g;

/** @param entry an ES module that imports only `node:` modules and, by relative path, files like itself */
export function programOf(entry: string): string {
  const folder = dirname(entry);
  return stripTypeScriptTypes(readFileSync(entry, "utf8")).replace(RELATIVE_IMPORT, (_, path: string) => {
    const text = Buffer.from(programOf(resolve(folder, path))).toString("base64");
    return `from "data:text/javascript;base64,${text}"`;
  });
}
