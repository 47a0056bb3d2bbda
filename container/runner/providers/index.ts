/** The providers that the core has. Each is loaded only when it is used: the agent SDK alone costs 100 ms. */
import type { Provider, ProviderFactory, ProviderOptions } from "./provider.ts";

const providers: Record<string, () => Promise<ProviderFactory>> = {
  claude: async () => (await import("./claude.ts")).openClaude,
  null: async () => (await import("./null.ts")).openNull,
};

/** Loads and starts a provider by its name. Rejects where there is none of that name. */
export async function openProvider(name: string, options: ProviderOptions): Promise<Provider> {
  const load = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (!load) throw new Error(`there is no provider "${name}"; the known ones are ${Object.keys(providers).join(", ")}`);
  return (await load())(options);
}
