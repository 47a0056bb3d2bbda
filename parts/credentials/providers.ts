/** Sign-in providers whose token endpoints are known, as data. */
import { z } from "zod";
import data from "../../src/gateway/bundles/oauth2/providers.json" with { type: "json" };

const providers = z.record(
  z.string(),
  z.object({
    title: z.string(),
    tokenEndpoint: z.string(),
    /** Null where each application has its own. */
    clientId: z.string().nullable(),
    body: z.enum(["form", "json"]),
  }),
);

export const signInProviders = providers.parse(data);
