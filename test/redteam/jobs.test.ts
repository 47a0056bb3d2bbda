/** How often fifty everyday jobs need an approval, by who has which grant and what the owner waived. The numbers stand in docs/flow-guard.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Waiver } from "../../packages/flow-guard/judge.ts";
import { type Chat, deed } from "./arena.ts";
import { EVERYDAY } from "./grants.ts";
import { JOBS } from "./jobs.ts";
import { ModelArena } from "./model-arena.ts";

/** @returns the names of the jobs that put a question; the owner says yes to each. */
async function asking(agents: Record<Chat, string>, waivers: Waiver[] = []): Promise<string[]> {
  const arena = new ModelArena({ grants: EVERYDAY, agents, guarded: true, waivers });
  arena.approve("yes");
  const asked: string[] = [];
  for (const { name, chat, deeds, files = [] } of JOBS) {
    const before = arena.questions.length;
    const attached = files.map((file) => ({ name: file, text: "" }));
    await arena.say(chat, "owner", deed(...deeds), attached);
    await arena.pass();
    if (arena.questions.length > before) asked.push(name);
  }
  arena.close();
  return asked;
}

/** One agent for what is the owner's, another that only reads the web, in the family's chat. */
const APART: Record<Chat, string> = { direct: "main", family: "web", open: "web" };
const ALL_IN_ONE: Record<Chat, string> = { direct: "main", family: "main", open: "main" };

const SENDING = ["send Ann that answer", "leave a mailing list", "invite Ann to lunch"];
const PLACES = [
  "look a function up in a library's manual",
  "does my flight leave on time",
  "tell the family that I am late",
  "sum up an article whose address I give",
];

/** What an owner may have waived after a week: four places that the agent goes to anyway. */
const USUAL: Waiver[] = [
  { kind: "read", name: "docs.example.net" } as const,
  { kind: "read", name: "airline.example.net" } as const,
  { kind: "read", name: "magazine.example.net" } as const,
  { kind: "chat", name: "test:family" } as const,
].flatMap((sink) => (["host", "file"] as const).map((kind) => ({ source: { kind, name: "*" }, sink })));

const say = (what: string, asked: string[]) =>
  console.log(`everyday jobs, ${what}: ${asked.length} of ${JOBS.length} need an approval`);

test("there are fifty of them", () => {
  assert.equal(JOBS.length, 50);
  assert.equal(new Set(JOBS.map(({ name }) => name)).size, 50);
});

test("with an agent for what is private and one for the web, what sends or goes to a new place asks", async () => {
  const asked = await asking(APART);
  say("two agents, nothing waived", asked);
  assert.deepEqual(asked.sort(), [...SENDING, ...PLACES].sort());
});

test("with four usual places waived, only what sends asks", async () => {
  const asked = await asking(APART, USUAL);
  say("two agents, four places waived", asked);
  assert.deepEqual(asked.sort(), [...SENDING].sort());
});

test("one agent for everything asks for every page", async () => {
  const asked = await asking(ALL_IN_ONE);
  say("one agent for everything, nothing waived", asked);
  const pages = JOBS.filter(({ chat, deeds }) => chat === "family" && deeds.some((one) => one.do === "fetch"));
  const expected = [...SENDING, ...PLACES, ...pages.map(({ name }) => name)];
  assert.deepEqual(asked.sort(), expected.sort());
});
