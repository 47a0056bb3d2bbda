/** What people write as a rule, checked and brought into its one form. */
import { parseHost, showHost } from "./host.ts";
import { parsePath, showPath } from "./path.ts";
import type { Rule } from "./rule.ts";

/** It can't be a rule. */
export class NoRule extends Error {
  override readonly name = "NoRule";
  /** What to do instead. */
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const METHOD = /^[A-Z]{1,20}$/;

/** @throws NoRule with what is wrong and what to write instead */
export function checkRule<R extends Omit<Rule, "id">>(wanted: R): R {
  const host = parseHost(wanted.host);
  if (!host)
    throw new NoRule(
      `"${wanted.host}" is no host`,
      "Write a name such as example.org, *.example.org for all below it, an address, or * for every name.",
    );
  const path = parsePath(wanted.path);
  if (!path)
    throw new NoRule(
      `"${wanted.path}" is no path`,
      "Write it as /a/*/b/**: * is one whole segment, ** at the end is the rest, and there is no query.",
    );
  const methods = [...new Set(wanted.methods.map((method) => method.toUpperCase()))].sort();
  const any = methods.length === 0 || methods.includes("*");
  if (!any && !methods.every((method) => METHOD.test(method)))
    throw new NoRule(`"${methods.join()}" are no methods`, "Write them as GET,POST; UPGRADE stands for WebSockets.");
  if (!Number.isInteger(wanted.port) || wanted.port < 1 || wanted.port > 65_535)
    throw new NoRule(`${wanted.port} is no port`, "It is a number from 1 to 65535.");
  const everything = path.rest && path.segments.length === 0;
  if (wanted.action === "tunnel" && !(any && everything && wanted.credential === null))
    throw new NoRule(
      "what goes through a tunnel is not seen, so it can have no method, path or credential",
      "Leave these out, or allow the requests instead.",
    );
  if (wanted.credential !== null && host.wild && !host.name.includes("."))
    throw new NoRule("a credential can't go to so many hosts", "Name the host that it is for.");
  if (wanted.credential !== null && wanted.scheme === "http" && !wanted.privateNetwork)
    throw new NoRule("a credential can't go out unencrypted", "Use https, or name a host of your own network.");
  if (wanted.privateNetwork && host.wild)
    throw new NoRule("a private network is opened for one host at a time", "Name that very host.");
  return { ...wanted, host: showHost(host), path: showPath(path), methods: any ? ["*"] : methods };
}
