/**
 * What Node is given to run the host, from the project folder. A small young generation keeps the host's memory down:
 * it holds little, and what it makes is short-lived.
 */
export const hostArguments = ["--max-semi-space-size=2", "src/main.ts"];
