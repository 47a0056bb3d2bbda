/** Finds the code of a channel: the package `skills/add-<id>`, loaded when it is added or started. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Misuse, messageOf } from "../lib/errors.ts";
import type { ChannelPackage } from "./channel.ts";

/** @returns a loader that throws Misuse, with what to do, where there is no such channel or it can't be loaded */
export function channelLoader(root: string): (id: string) => Promise<ChannelPackage> {
  return async (id) => {
    const file = join(root, "skills", `add-${id}`, "channel.ts");
    if (!existsSync(file)) throw new Misuse(`there is no channel "${id}"`, "`ncl skills list` shows what there is.");
    const module: { channel?: ChannelPackage } = await import(pathToFileURL(file).href).catch((error: unknown) => {
      throw new Misuse(
        `the channel "${id}" can't be loaded: ${messageOf(error)}`,
        `\`ncl skills add ${id}\` installs it.`,
      );
    });
    if (module.channel?.id !== id) throw new Misuse(`${file} exports no channel "${id}"`);
    return module.channel;
  };
}
