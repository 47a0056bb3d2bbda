/** Channels to messaging platforms. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const channel = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/)
  .describe("the channel, such as telegram");

export const channelVerbs = {
  "channels.list": verb({ summary: "List the channels and how each is", result: z.array(is.channel) }),
  "channels.describe": verb({
    summary: "Tell what a channel needs to be added",
    args: { channel },
    positional: ["channel"],
    result: is.channelNeeds,
  }),
  "channels.add": verb({
    summary: "Start a channel, with the credentials that it needs; `ncl skills add` does it all",
    args: {
      channel,
      credentials: z
        .string()
        .max(100_000)
        .default("{}")
        .meta({ secret: true })
        .describe("what it needs, as a JSON object; what is left out stays as it was"),
    },
    positional: ["channel"],
    result: is.channel,
  }),
  "channels.remove": verb({
    summary: "Stop a channel and forget its credentials; its chats stay wired",
    args: { channel },
    positional: ["channel"],
    result: is.done,
  }),
  "channels.pair": verb({
    summary: "Make a code that ties a chat to an agent: send it to the agent's account there",
    args: { channel, group: folder.optional() },
    positional: ["channel"],
    result: is.pairing,
  }),
};
