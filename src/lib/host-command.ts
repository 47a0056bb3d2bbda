/**
 * What Node is given to run the host, from the project folder. What the host makes is short-lived: a small young
 * generation, and a bound on the old one, make Node collect it instead of letting a busy hour's garbage stand for ever.
 */
export const hostArguments = ["--max-semi-space-size=2", "--max-old-space-size=256", "src/main.ts"];
