/** What may leave the containers of an agent group: rules, bundles of rules, and what they come to. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const host = z.string().min(1).max(253).describe("example.org, *.example.org for all below it, or * for every name");
const port = z.int().min(1).max(65_535).optional().describe("443, or 80 with --scheme http, when left out");
const scheme = z.enum(["https", "http"]).default("https").describe("http is not encrypted");
const privateNetwork = z.boolean().default(false).describe("it may be in a private network, or on this machine");
const trusted = z
  .boolean()
  .default(false)
  .describe("what is read there counts as safe, what is sent there as not told to others");
const acts = z
  .boolean()
  .default(false)
  .describe("what only asks does something there, too: then a GET is held back like a change");
const dryRun = z.boolean().default(false).describe("only show what would change");
const credential = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .describe("the stored credential that the request gets; it never enters the container");
const bundle = z.string().min(1).max(40).describe("its name in `ncl bundles list`");
const requests = {
  ...{ group: folder, host, port, scheme },
  method: z
    .string()
    .max(200)
    .regex(/^(\*|[A-Za-z]+(,[A-Za-z]+)*)$/, "write it as GET,POST, or * for all")
    .default("*")
    .describe("such as GET,HEAD; UPGRADE stands for WebSockets"),
  path: z.string().max(1000).default("/**").describe("such as /repos/*/issues/**: * is one segment, ** the rest"),
};

export const ruleVerbs = {
  reach: verb({
    summary: "Tell what an agent can reach, with which key, how; with a URL, what becomes of one request",
    args: {
      group: folder,
      url: z
        .url({ protocol: /^https?$/ })
        .max(4000)
        .optional()
        .describe("the request to explain"),
      method: z
        .string()
        .regex(/^[A-Za-z]{1,20}$/)
        .default("GET")
        .describe("its method"),
    },
    positional: ["group", "url"],
    result: z.union([z.array(is.reachLine), is.reachAnswer]),
  }),
  "rules.list": verb({
    summary: "List the rules, those first that say most about a host",
    args: { group: folder.optional() },
    positional: ["group"],
    result: z.array(is.egressRule),
  }),
  "rules.allow": verb({
    summary: "Let an agent's requests to a host through",
    args: { ...requests, credential, privateNetwork, trusted, acts, dryRun },
    positional: ["group", "host"],
    result: is.reachChange,
  }),
  "rules.ask": verb({
    summary: "Ask a person before each request to a host is let through",
    args: { ...requests, credential, privateNetwork, trusted, acts, dryRun },
    positional: ["group", "host"],
    result: is.reachChange,
  }),
  "rules.deny": verb({
    summary: "Refuse an agent's requests to a host, also where a broader rule allows them",
    args: { ...requests, dryRun },
    positional: ["group", "host"],
    result: is.reachChange,
  }),
  "rules.tunnel": verb({
    summary: "Pass connections to a host on unread: nobody sees what goes through them",
    args: { group: folder, host, port, privateNetwork, trusted, dryRun },
    positional: ["group", "host"],
    result: is.reachChange,
  }),
  "rules.remove": verb({
    summary: "Remove a rule",
    args: { rule: z.int().min(1).describe("its number in `ncl rules list`"), dryRun },
    positional: ["rule"],
    result: is.reachChange,
  }),
  "rules.grant": verb({
    summary: "Give an agent a bundle of rules, as it is now",
    args: { group: folder, bundle, dryRun },
    positional: ["group", "bundle"],
    result: is.reachChange,
  }),
  "rules.revoke": verb({
    summary: "Take a bundle of rules away from an agent",
    args: { group: folder, bundle, dryRun },
    positional: ["group", "bundle"],
    result: is.reachChange,
  }),
  "bundles.list": verb({ summary: "List the bundles of rules that can be granted", result: z.array(is.bundle) }),
};
