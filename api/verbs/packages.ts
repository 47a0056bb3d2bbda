/** What an agent's image holds beside the usual: Debian's packages and npm's. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

/** Names as Debian's policy and npm have them; versions without ranges, addresses or paths. */
const APT = /^apt:[a-z0-9][a-z0-9+.-]{1,99}(=[A-Za-z0-9][A-Za-z0-9.+:~-]{0,99})?$/;
const NPM = /^npm:(@[a-z0-9~-][a-z0-9._~-]{0,99}\/)?[a-z0-9~-][a-z0-9._~-]{0,99}(@[A-Za-z0-9][A-Za-z0-9.+-]{0,99})?$/;

const packages = z
  .array(
    z
      .string()
      .max(250)
      .refine(
        (name) => APT.test(name) || NPM.test(name),
        "write apt:NAME, apt:NAME=VERSION, npm:NAME or npm:NAME@VERSION",
      ),
  )
  .min(1)
  .max(50)
  .describe("such as apt:imagemagick or npm:cowsay@1.6.0");
const dryRun = z.boolean().default(false).describe("show what it would come to, and change nothing");

export const packageVerbs = {
  "packages.add": verb({
    summary: "Put Debian or npm packages into an agent's image; it is built in the background",
    args: { folder, packages, dryRun },
    positional: ["folder", "packages"],
    result: is.packagesChange,
  }),
  "packages.remove": verb({
    summary: "Take packages out of an agent's image again",
    args: { folder, packages, dryRun },
    positional: ["folder", "packages"],
    result: is.packagesChange,
  }),
  "packages.list": verb({
    summary: "List the packages that agents' images hold beside the usual",
    result: z.array(is.agentPackage),
  }),
  "packages.status": verb({
    summary: "Show which image an agent gets, and how far its next one is",
    args: { folder },
    positional: ["folder"],
    result: is.packagesStatus,
  }),
  "packages.build": verb({
    summary: "Build an agent's image now, after it failed",
    args: { folder },
    positional: ["folder"],
    result: is.packagesStatus,
  }),
};
