/** A bundle: what the gateway knows about one service, as data. The rules about it are code, what they say is here. */
import { z } from "zod";
import anthropic from "./bundles/anthropic.json" with { type: "json" };

const placement = z.object({
  /** The header that carries the credential. */
  header: z.string(),
  prefix: z.string(),
  /** Headers that this kind of credential needs; a value joins what the client sent. */
  add: z.record(z.string(), z.string()),
});

/** Names; one that ends in `*` stands for all that begin like it. */
const names = z.array(z.string());

const modelBundle = z.object({
  name: z.string(),
  title: z.string(),
  /** The usual address of the service. */
  address: z.string(),
  /** The name of its credential in the vault. */
  credential: z.string(),
  /** Those that are `billed` pass the meter first. */
  requests: z.array(z.object({ method: z.string(), path: z.string(), billed: z.boolean() })),
  /** Query strings that may follow a path. */
  queries: names,
  /** The only headers that pass, in each direction. */
  requestHeaders: names,
  responseHeaders: names,
  credentials: z.object({ api_key: placement, oauth_token: placement }),
  maxBodyBytes: z.int(),
  /** What a request body may contain, see packages/body-rules. */
  body: z.object({ fields: names, tools: names, blocks: names, sources: names }),
  /** The cheapest request that shows whether a credential is good. */
  check: z.object({ path: z.string(), headers: z.record(z.string(), z.string()), body: z.unknown() }),
});
export type ModelBundle = z.infer<typeof modelBundle>;

export const anthropicBundle: ModelBundle = modelBundle.parse(anthropic);
