/** Bundles of rules, as data: what people grant in one word. A grant is the rules as they are at that moment. */
import { z } from "zod";
import { checkRule } from "../../packages/egress-rules/index.ts";
import debian from "../../src/gateway/bundles/debian.json" with { type: "json" };
import githubRead from "../../src/gateway/bundles/github-read.json" with { type: "json" };
import npm from "../../src/gateway/bundles/npm.json" with { type: "json" };
import pypi from "../../src/gateway/bundles/pypi.json" with { type: "json" };
import webRead from "../../src/gateway/bundles/web-read.json" with { type: "json" };
import type { AgentGroupId } from "../../src/lib/ids.ts";
import type { NewRule } from "./rules.ts";

const schema = z.strictObject({
  name: z.string(),
  title: z.string(),
  /** Nobody but the service itself learns what is asked there. What people put there is not vouched for. */
  trusted: z.boolean().default(false),
  rules: z.array(
    z.strictObject({
      scheme: z.enum(["https", "http"]).default("https"),
      hosts: z.array(z.string()).min(1),
      methods: z.array(z.string()).min(1),
      paths: z.array(z.string()).min(1),
    }),
  ),
});
export type Bundle = z.infer<typeof schema>;

export const bundles: Bundle[] = [debian, githubRead, npm, pypi, webRead].map((data) => schema.parse(data));

/** One rule for each host and path. Bundles carry no credentials. */
export function rulesOf({ name, rules, trusted }: Bundle, agentGroup: AgentGroupId): NewRule[] {
  const plain = { action: "allow", credential: null, privateNetwork: false, session: null } as const;
  return rules.flatMap(({ scheme, hosts, methods, paths }) =>
    hosts.flatMap((host) =>
      paths.map((path) =>
        checkRule({
          ...plain,
          trusted,
          acts: false,
          agentGroup,
          bundle: name,
          scheme,
          host,
          methods,
          path,
          port: usualPort(scheme),
        }),
      ),
    ),
  );
}

export const usualPort = (scheme: "https" | "http") => (scheme === "https" ? 443 : 80);
