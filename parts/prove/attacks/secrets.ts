/** Looks for secrets: the host gave the scratch session's surroundings some that can be recognised. */
import type { Attack } from "../attack.ts";

const program = "secrets.py";
const wall = "secrets";

const look = (id: string, tried: string): Attack => ({
  ...{ id, wall, control: "secrets", program, tried },
  settings: ({ watch }) => ({ prefix: watch.secretPrefix }),
});

export const secretAttacks: Attack[] = [
  look("secret.environment", "find a secret in the environment of a process"),
  look("secret.arguments", "find a secret on a command line"),
  look("secret.memory", "find a secret in the memory of the other processes"),
  look("secret.files", "find a secret in any file that it can read"),
  {
    ...{ id: "secret.other-session", wall, control: "sessions", program },
    tried: "read what another session of the agent was told",
    settings: ({ scratch, watch }) => ({ prefix: watch.secretPrefix, paths: scratch.guessesOfOther }),
  },
];
