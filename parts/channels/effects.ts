/** What the verbs about channels do: `channels.*`. Installing a channel's packages is the client's part (cli/skills.ts). */
import { z } from "zod";
import type { ChannelPackage } from "../../src/channels/channel.ts";
import type { ChannelRegistry } from "../../src/channels/registry.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { CODE_LENGTH, CODE_LIFE } from "./pairing.ts";
import type { Pairings } from "./pairings.ts";

export interface ChannelsParts {
  store: Store;
  clock: Clock;
  random: Random;
  vault: Vault;
  registry(): ChannelRegistry;
  pairings: Pairings;
  load(id: string): Promise<ChannelPackage>;
}

const SETTING = "channels";
const credentialName = (channel: string) => `channel-${channel}`;
const values = z.record(z.string().max(50), z.string().max(20_000));

/** The channels that were added. */
export const addedChannels = (store: Store): string[] => store.settings.get(SETTING, z.array(z.string())) ?? [];

/** What the vault has for a channel. */
export function channelCredentials(vault: Vault, id: string): Record<string, string> | null {
  const sealed = vault.reveal(credentialName(id));
  return sealed && values.parse(JSON.parse(sealed.secret));
}

export function channelEffects(
  parts: ChannelsParts,
): Pick<Effects, `channels.${"list" | "describe" | "add" | "remove" | "pair"}`> {
  const { store, clock, vault, registry, pairings, load } = parts;
  return {
    "channels.list": () => registry().health(),

    "channels.describe": async ({ channel }) => {
      const { title, credentials } = await load(channel);
      const kept = channelCredentials(vault, channel) ?? {};
      const { properties = {}, required = [] } = z.toJSONSchema(credentials, { io: "input" });
      const fields = Object.entries(properties).map(([name, field]) => {
        const { description = name, help = "", secret = false } = field as Record<string, unknown>;
        const known = { required: required.includes(name), isSet: kept[name] !== undefined };
        return { name, label: String(description), help: String(help), secret: secret === true, ...known };
      });
      return { channel, title, fields };
    },

    "channels.add": async ({ channel, credentials }, { record }) => {
      const { credentials: schema } = await load(channel);
      const given = { ...channelCredentials(vault, channel), ...valuesIn(credentials) };
      const parsed = schema.safeParse(given);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new Misuse(`${issue?.path.join(".")}: ${issue?.message}`, "`ncl channels describe` tells what it needs.");
      }
      record(`channel:${channel}`, () => {
        vault.put(credentialName(channel), { kind: "api_key", secret: JSON.stringify(given) }, clock.now());
        store.settings.set(SETTING, [...new Set([...addedChannels(store), channel])]);
      });
      return { id: channel, ...(await registry().add(channel)) };
    },

    "channels.remove": async ({ channel }, { record }) => {
      if (!addedChannels(store).includes(channel)) {
        throw new Misuse(`the channel "${channel}" was not added`, "`ncl channels list` shows those that were.");
      }
      record(`channel:${channel}`, () => {
        const others = addedChannels(store).filter((id) => id !== channel);
        store.settings.set(SETTING, others);
        store.memory.forget(channel);
        // Nobody is met there any more.
        store.db.run("UPDATE messaging_groups SET direct_user=NULL WHERE channel=?", channel);
        vault.remove(credentialName(channel));
      });
      await registry().remove(channel);
      return { done: true };
    },

    "channels.pair": ({ channel, group: folder }, { record }) => {
      if (!registry().get(channel))
        throw new Misuse(`the channel "${channel}" is not there`, "`ncl skills add` adds one.");
      const group = folder ? store.groups.agentGroupByFolder(folder) : store.groups.agentGroups()[0];
      if (!group) throw new Misuse(`there is no agent group "${folder ?? ""}"`, "`ncl groups list` shows them.");
      const code = parts.random.token(CODE_LENGTH);
      const expiresAt = clock.now() + CODE_LIFE;
      return record(`channel:${channel}`, () => {
        pairings.add(code, { channel, agentGroup: group.id }, expiresAt);
        return { code, group: group.folder, expiresAt };
      });
    },
  };
}

function valuesIn(json: string): Record<string, string> {
  try {
    return values.parse(JSON.parse(json));
  } catch {
    throw new Misuse("the credentials are not an object of texts in JSON");
  }
}
