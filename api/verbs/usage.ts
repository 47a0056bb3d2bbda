/** What the models cost, what a model costs, and how much may be used. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const perMillion = z.number().min(0).max(1_000);
const model = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[\x21-\x7e]{1,100}$/, "use at most 100 letters, digits and signs, without spaces");

export const usageVerbs = {
  "usage.show": verb({
    tool: {
      name: "usage",
      description:
        "Tells how many tokens you have used and what that cost, by day, model, person or session. Use it when somebody asks what you cost.",
      own: ["group"],
    },
    summary: "Show what the models were used for and what that cost",
    ...{ least: "member", of: "group" },
    args: {
      by: is.usageBy.default("day").describe("what to tell apart"),
      since: z
        .string()
        .regex(/^(\d{1,4}d|\d{4}-\d\d-\d\d)$/, "use a number of days such as 7d, or a date such as 2030-01-31")
        .default("7d")
        .describe("from when on: 7d is today and the six days before, or a date"),
      group: folder.optional().describe("only of this agent group"),
    },
    result: is.usage,
  }),
  "usage.prices": verb({ summary: "List what models cost, for a million tokens", result: z.array(is.modelPrice) }),
  "usage.price": verb({
    summary: "Set what a model costs, in dollars for a million tokens; it holds from now on",
    args: {
      model: model.describe("its name; one that ends in * stands for all that begin like it"),
      input: perMillion.describe("for what it reads"),
      output: perMillion.describe("for what it writes"),
      cacheRead: perMillion.optional().describe("for what comes from its cache; else like the input"),
      cacheWrite: perMillion.optional().describe("for what goes into its cache; else like the input"),
    },
    positional: ["model"],
    result: is.modelPrice,
  }),
  "usage.forget": verb({
    summary: "Forget a price that was set; the one of the list holds again",
    args: { model: model.describe("its name, as it was set") },
    positional: ["model"],
    result: is.done,
  }),
  "budgets.list": verb({ summary: "List the budgets and how they stand", result: z.array(is.budget) }),
  "budgets.set": verb({
    summary: "Set how much may be used: give --usd or --tokens, and for whom, else for all agents together",
    args: {
      usd: z.number().min(0.0001).max(1_000_000).optional().describe("dollars"),
      tokens: z.int().min(1).max(1_000_000_000_000).optional().describe("tokens, what comes from a cache left out"),
      per: is.budgetPer.default("month").describe("when it starts anew; total never does"),
      group: folder.optional().describe("for this agent group"),
      person: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe("for this person: channel:handle, see ncl usage --by person"),
      session: z.string().min(1).max(100).optional().describe("for this session, see ncl sessions list"),
      warn: z.int().min(1).max(100).default(80).describe("per cent of it after which people are told"),
    },
    result: is.budget,
  }),
  "budgets.remove": verb({
    summary: "Remove a budget",
    args: { budget: z.string().min(1).max(100).describe("its id in `ncl budgets list`") },
    positional: ["budget"],
    result: is.done,
  }),
};
