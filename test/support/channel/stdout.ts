/** Tells whether code under test writes to standard output, where the host's own clients expect data alone. */

/** @returns what was written since, and how to stop looking. What the test runner itself writes does not count. */
export function watchStdout(): { written: string[]; end(): void } {
  const written: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = ((...args: Parameters<typeof write>) => {
    const callers = (new Error().stack ?? "").split("\n").slice(2);
    // The runner's frames are Node's own; anything else is ours or a library's.
    if (callers.some((line) => /file:\/\/|\(\/|at \//.test(line))) written.push(String(args[0]));
    return write.apply(process.stdout, args);
  }) as typeof write;
  return {
    written,
    end: () => {
      process.stdout.write = write;
    },
  };
}
