/**
 * Finds a provider by its name: each is a folder in `container/providers` whose `index.ts` exports `open`. Loaded only when it is used: one agent SDK alone costs 100 ms.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { providerName } from "../../../protocol/config.ts";
import type { Provider, ProviderFactory, ProviderOptions } from "./provider.ts";

const PACKAGES = join(import.meta.dirname, "../../providers");

/** Loads and starts a provider. Rejects, with what to do, where there is none of that name or it does not load. */
export async function openProvider(name: string, options: ProviderOptions, packages = PACKAGES): Promise<Provider> {
  const open = await load(name, packages);
  return open(options);
}

async function load(name: string, packages: string): Promise<ProviderFactory> {
  if (!providerName.safeParse(name).success) throw new Error(`${JSON.stringify(name)} can't be a provider's name`);
  const entry = join(packages, name, "index.ts");
  if (!existsSync(entry)) {
    const there = readdirSync(packages).filter((other) => existsSync(join(packages, other, "index.ts")));
    throw new Error(
      `there is no provider "${name}", only ${there.join(", ")}. Add it with its skill, which puts it into ` +
        `container/providers/${name}, then run \`bash nanoclaw.sh\`, or give the group another provider`,
    );
  }
  const { open } = await import(pathToFileURL(entry).href).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `provider "${name}" can't be loaded: ${why}. If a package is missing, \`bash nanoclaw.sh\` puts it into the image`,
    );
  });
  if (typeof open !== "function")
    throw new Error(`provider "${name}" exports no \`open\` (container/providers/${name})`);
  return open;
}
