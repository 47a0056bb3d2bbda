/**
 * The file of allowed folders and grants. It lies in the config folder, outside the project and outside every mount, private
 * to its owner: no agent can widen what it gets.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { Misuse } from "../../src/lib/errors.ts";

const path = z.string().startsWith("/").max(1000);
const book = z.strictObject({
  allowed: z.array(z.strictObject({ path, write: z.boolean() })).max(200),
  grants: z
    .array(
      z.strictObject({
        /** The agent group's folder. */
        group: z.string().max(50),
        path,
        /** Its name under /mnt inside. */
        name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,49}$/),
        write: z.boolean(),
      }),
    )
    .max(200),
});
export type Book = z.output<typeof book>;
export type Grant = Book["grants"][number];

/** @throws Misuse where somebody broke the file: then nothing is mounted by a guess */
export function readBook(file: string): Book {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { allowed: [], grants: [] };
    throw error;
  }
  try {
    return book.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : "it is no JSON";
    throw new Misuse(`the list of mounts is not valid: ${why}`, `Mend or remove ${file}.`);
  }
}

/** Whole or not at all. */
export function writeBook(file: string, changed: Book): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(book.parse(changed), null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
