/** Used by nothing, on purpose: check-deadcode.ts fails unless this is reported as dead. */
export const dead = true;
